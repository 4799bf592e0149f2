"""Which URL is called, with what, and that it changes nothing for the event."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
import standardwebhooks
import trustme
from attrs import define, field

from eventrouter import RegistrationError, Router, Status
from eventrouter.integrations.callbacks import Callbacks
from eventrouter.signatures import StandardWebhooks
from tests.events import Paid
from tests.integrations.callbacks.receiver import (
    TLS,
    Receiver,
    answered_router,
    event,
    receiving,
)


def callbacks_to(receiver: Receiver, **settings: Any) -> Callbacks:
    return Callbacks(hosts=[receiver.host], **{"interval": 0, "ssl_context": TLS, **settings})


# The original's cases

CASES = [
    "success callback",
    "failure callback",
    "server errors are retried, attempts in all",
    "client errors are not retried",
    "no callback in the event",
]


@pytest.fixture(scope="module")
def seed(shared_data: Path) -> dict[str, dict[str, Any]]:
    cases = json.loads((shared_data / "go-seed-cases.json").read_text())["callback"]
    return {case["name"]: case for case in cases}


def test_every_case_of_the_original_is_tried(seed: dict[str, Any]) -> None:
    assert list(seed) == CASES


@pytest.mark.parametrize("name", CASES)
@pytest.mark.anyio
async def test_a_case_of_the_original_makes_the_requests_it_makes_there(
    name: str, seed: dict[str, dict[str, Any]], receiver: Receiver
) -> None:
    case = seed[name]
    urls = case.get("event", {"callback": {"success_url": "/success"}}).get("callback", {})
    callback = {which: f"http://{receiver.host}{path}" for which, path in urls.items()}
    attempts = case.get("attempts_configured", 3)
    receiver.answers = [case.get("answers", 200)] * attempts
    error = OSError() if case.get("handler") == "raises" else None

    async with callbacks_to(receiver, attempts=attempts) as callbacks:
        router = answered_router(callbacks, error=error)
        await router.process(event(None) | {"callback": callback or None})

    if "requests" in case:
        assert receiver.paths == case["requests"]
    else:
        assert len(receiver.paths) == case["requests_seen"]


# Which URL, and what it is sent


def sent(receiver: Receiver) -> Any:
    [request] = receiver.requests
    return json.loads(request.body)


@pytest.mark.anyio
async def test_a_handled_event_is_answered_with_its_type_its_id_and_its_status(
    receiver: Receiver,
) -> None:
    router = answered_router(callbacks_to(receiver))

    await router.dispatch(receiver.event(metadata={"id": "e-1"}))

    assert receiver.paths == ["/success"]
    assert sent(receiver) == {"event_type": "order.paid", "id": "e-1", "status": "handled"}
    assert receiver.requests[0].headers["Content-Type"] == "application/json"


@pytest.mark.anyio
async def test_nothing_from_inside_is_told_of_a_handler_that_failed(receiver: Receiver) -> None:
    router = answered_router(callbacks_to(receiver), error=OSError("the password is 1234"))

    await router.process(receiver.event())

    assert receiver.paths == ["/fail"]
    assert sent(receiver) == {"event_type": "order.paid", "id": None, "status": "failed"}


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"payload": {"order": 7}}, "invalid", "InvalidPayload"),
        ({"event_type": "order.lost"}, "unrouted", "UnknownType"),
    ],
)
@pytest.mark.anyio
async def test_what_is_wrong_with_the_event_is_told_by_its_name(
    more: dict[str, Any], status: str, error: str, receiver: Receiver
) -> None:
    await answered_router(callbacks_to(receiver)).process(receiver.event(**more))

    assert receiver.paths == ["/fail"]
    assert (sent(receiver)["status"], sent(receiver)["error"]) == (status, error)


@pytest.mark.anyio
async def test_get_sends_nothing_but_the_request_as_the_original_did(receiver: Receiver) -> None:
    await answered_router(callbacks_to(receiver, method="GET")).dispatch(receiver.event())

    [request] = receiver.requests
    assert (request.method, request.path, request.body) == ("GET", "/success", b"")
    assert "Content-Type" not in request.headers


@pytest.mark.parametrize(
    "callback", [None, {}, {"fail_url": "http://public.example/"}, {"success_url": None}]
)
@pytest.mark.anyio
async def test_an_event_that_asks_for_none_is_not_answered(
    callback: Any, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    router = answered_router(callbacks_to(receiver))

    await router.dispatch(event(None) | {"callback": callback})

    assert receiver.requests == []
    assert caplog.records == []


@pytest.mark.parametrize("callback", ["http://127.0.0.1/", ["http://127.0.0.1/"], 1, True])
@pytest.mark.anyio
async def test_a_callback_that_is_no_object_is_logged(
    callback: Any, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    router = answered_router(callbacks_to(receiver))

    result = await router.process(event(None) | {"callback": callback})

    assert result.status is Status.HANDLED
    assert caplog.messages == ['the callback of "order.paid" is no object, and not sent']


# What it does to the event


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://127.0.0.1:1/", 7])
@pytest.mark.anyio
async def test_a_callback_that_fails_changes_nothing_for_the_event(url: Any) -> None:
    callbacks = Callbacks(hosts=["127.0.0.1:1"], attempts=1, ssl_context=TLS)

    result = await answered_router(callbacks).process(event(url))

    assert (result.status, result.error) == (Status.HANDLED, None)


@pytest.mark.anyio
async def test_a_failed_event_keeps_its_error_though_its_callback_failed(
    receiver: Receiver,
) -> None:
    receiver.answers = [500, 500, 500]
    error = OSError("the handler's")

    result = await answered_router(callbacks_to(receiver), error=error).process(receiver.event())

    assert result.error is error


def test_without_an_event_loop_the_dispatch_waits_for_its_callback(receiver: Receiver) -> None:
    router = answered_router(callbacks_to(receiver))

    router.dispatch_sync(receiver.event(event_type="order.kept"))

    assert receiver.paths == ["/success"]


def test_an_event_without_a_callback_needs_no_event_loop(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = answered_router(callbacks_to(receiver))
    monkeypatch.delattr(anyio, "run")

    result = router.dispatch_sync(event(None) | {"event_type": "order.kept", "callback": None})

    assert result.status is Status.HANDLED


@pytest.mark.anyio
async def test_a_cancelled_event_is_not_held_up_by_its_callback(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()
    router.after(callbacks_to(receiver))

    with anyio.CancelScope() as scope:

        @router.on("order.paid")
        async def handle(paid: Paid) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        await router.dispatch(receiver.event())

    assert scope.cancelled_caught
    assert receiver.requests == []
    assert "it would hold up what interrupted the event" in caplog.text


# Signed


@define
class Signing:
    """Notes what it is asked to sign."""

    signed: list[tuple[bytes, str]] = field(factory=list)

    def sign(self, raw: bytes, *, id: str) -> Mapping[str, str]:
        self.signed.append((raw, id))
        return {"webhook-id": id, "webhook-signature": f"v1,{len(self.signed)}"}


@pytest.mark.anyio
async def test_each_attempt_is_signed_anew_with_the_same_id(receiver: Receiver) -> None:
    receiver.answers = [503, 200]
    signing = Signing()

    await answered_router(callbacks_to(receiver, signature=signing)).dispatch(receiver.event())

    first, second = receiver.requests
    assert [first.body, second.body] == [raw for raw, _ in signing.signed]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.headers["webhook-signature"] == "v1,2"


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.anyio
async def test_whoever_is_called_back_can_check_who_calls(method: str, receiver: Receiver) -> None:
    scheme = StandardWebhooks("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    callbacks = callbacks_to(receiver, method=method, signature=scheme)

    await answered_router(callbacks).dispatch(receiver.event())

    [request] = receiver.requests
    scheme.verify(request.body, request.headers)
    theirs = standardwebhooks.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = {name.lower(): value for name, value in request.headers.items()}
    if method == "POST":  # they parse what they have checked
        theirs.verify(request.body, headers)


@pytest.mark.anyio
async def test_two_callbacks_of_one_event_have_different_ids(receiver: Receiver) -> None:
    router = answered_router(callbacks_to(receiver, signature=Signing()))

    for _ in range(2):
        await router.dispatch(receiver.event(metadata={"id": "e-1"}))

    first, second = (request.headers["webhook-id"] for request in receiver.requests)
    assert first != second


@pytest.mark.anyio
async def test_a_signature_that_can_not_be_made_changes_nothing_for_the_event(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def sign(self, raw: bytes, *, id: str) -> Mapping[str, str]:
            raise LookupError("no key")

    router = answered_router(callbacks_to(receiver, signature=Broken()))

    result = await router.process(receiver.event())

    assert (result.status, receiver.requests) == (Status.HANDLED, [])
    assert caplog.records[0].levelno == logging.ERROR
    assert caplog.records[0].exc_info is not None


# Over TLS


@pytest.mark.parametrize(("name", "is_right"), [("localhost", True), ("other.example", False)])
@pytest.mark.anyio
async def test_the_certificate_is_checked_for_the_name_though_the_address_is_connected_to(
    name: str, is_right: bool, caplog: pytest.LogCaptureFixture
) -> None:
    authority = trustme.CA()
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(of_server)
    of_client = ssl.create_default_context()
    authority.configure_trust(of_client)

    with receiving(of_server) as receiver:
        host = f"localhost:{receiver.port}"
        hosts = [host, receiver.host, f"[::1]:{receiver.port}"]
        callbacks = Callbacks(hosts=hosts, ssl_context=of_client, interval=0)
        await answered_router(callbacks).dispatch(event(f"https://{host}/success"))

    assert receiver.paths == (["/success"] if is_right else [])
    assert is_right or "certificate verify failed" in caplog.text


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "list the hosts that they may go to"),
        ({"hosts": []}, "list the hosts that they may go to"),
        ({"hosts": "api.partner.example"}, "it is a list"),
        ({"method": "PUT"}, "method='PUT': it is 'POST' or 'GET'"),
        ({"attempts": 0}, "attempts=0: it is 1 or more"),
        ({"interval": -1}, "interval=-1: it is 0 or more"),
        ({"interval": float("nan")}, "interval=nan: it is 0 or more"),
        ({"timeout": 0}, "timeout=0: it is a number of seconds above 0"),
        ({"max_pending": 0}, "max_pending=0: it is 1 or more"),
        ({"concurrency": 0}, "concurrency=0: it is 1 or more"),
        ({"grace": -1}, "grace=-1: it is 0 or more"),
    ],
)
def test_a_setting_that_can_not_work_is_refused(settings: dict[str, Any], message: str) -> None:
    if settings and "hosts" not in settings:
        settings = {"allow_any_public": True, **settings}

    with pytest.raises(RegistrationError, match=message):
        Callbacks(**settings)


def test_certificates_are_checked_unless_told_otherwise() -> None:
    context = Callbacks(allow_any_public=True)._delivery.ssl_context

    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
