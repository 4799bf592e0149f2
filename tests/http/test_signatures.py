"""Who sent a request, and whether it is the first time."""

from __future__ import annotations

import gzip
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event as ThreadEvent
from typing import Any

import anyio
import pytest

from eventrouter import Header, MappedEnvelope, RegistrationError, Router
from eventrouter.integrations.http import asgi, wsgi
from eventrouter.signatures import GitHub, ReplayGuard, StandardWebhooks
from tests.events import raw_event
from tests.github_types import PAYLOAD_TYPES
from tests.http.calls import post
from tests.http.conftest import Endpoint
from tests.http.servers import JSON
from tests.test_github_webhooks import make_async_handler

SCHEME = GitHub("It's a Secret to Everybody")


def signed(body: bytes, **headers: str) -> dict[str, str]:
    return {**JSON, **SCHEME.sign(body), **headers}


@pytest.fixture
def handled(router: Router) -> list[Any]:
    given: list[Any] = []

    @router.on("order.paid")
    async def handle(payload: Any) -> None:
        given.append(payload)

    return given


# Who


@pytest.fixture(scope="module")
def deliveries(shared_data: Path) -> list[tuple[str, bytes]]:
    """The event type and the body of each of GitHub's deliveries."""
    lines = (shared_data / "github-webhooks.ndjson").read_bytes().splitlines()
    parsed = map(json.loads, lines)
    return [(line["event"], json.dumps(line["payload"]).encode()) for line in parsed]


@pytest.fixture(scope="module")
def github() -> Router:
    router = Router(
        envelope=MappedEnvelope(type=Header("X-GitHub-Event"), id=Header("X-GitHub-Delivery"))
    )
    for event_type, payload_type in PAYLOAD_TYPES.items():
        router.add_route(event_type, make_async_handler(event_type, payload_type))

    @router.fallback
    async def wonder(payload: Any) -> None: ...

    return router


def test_all_signed_deliveries_of_github_are_handled(
    endpoint: Endpoint, github: Router, deliveries: list[tuple[str, bytes]]
) -> None:
    endpoint.mount(github, signature=SCHEME, replay=ReplayGuard())

    statuses = [
        endpoint.send(body, signed(body, **{"X-GitHub-Event": event_type})).status
        for event_type, body in deliveries
    ]

    assert statuses == [200] * 125


def test_with_one_byte_changed_none_is(
    endpoint: Endpoint, github: Router, deliveries: list[tuple[str, bytes]]
) -> None:
    endpoint.mount(github, signature=SCHEME)
    statuses: list[int] = []

    for number, (event_type, body) in enumerate(deliveries):
        place = number * 7_919 % len(body)
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        headers = signed(body, **{"X-GitHub-Event": event_type})
        statuses.append(endpoint.send(changed, headers).status)

    assert statuses == [401] * 125


def test_a_wrong_signature_is_401_and_says_no_more(
    endpoint: Endpoint, router: Router, handled: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.mount(router, signature=SCHEME)

    with caplog.at_level(logging.INFO, "eventrouter.http"):
        reply = endpoint.send(raw_event())

    assert reply.status == 401
    assert reply.header("WWW-Authenticate") == "Signature"
    assert json.loads(reply.body) == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "the signature is missing or wrong",
    }
    assert handled == []
    assert caplog.messages == ["refused a request: the header X-Hub-Signature-256 is missing"]


def test_with_detail_it_says_what_is_wrong(endpoint: Endpoint, router: Router) -> None:
    endpoint.mount(router, signature=SCHEME, detail=True)

    problem = json.loads(endpoint.send(raw_event()).body)

    assert problem["detail"] == "the header X-Hub-Signature-256 is missing"


def test_the_signature_is_looked_at_before_the_body(endpoint: Endpoint, router: Router) -> None:
    endpoint.mount(router, signature=SCHEME)

    assert endpoint.send(b"{").status == 401
    assert endpoint.send(b"no gzip", {**JSON, "Content-Encoding": "gzip"}).status == 401


def test_a_coded_body_is_signed_as_it_is_sent(
    endpoint: Endpoint, router: Router, handled: list[Any]
) -> None:
    endpoint.mount(router, signature=SCHEME)
    event = raw_event()
    coded = gzip.compress(event)
    of_coded = signed(coded, **{"Content-Encoding": "gzip"})
    of_event = signed(event, **{"Content-Encoding": "gzip"})

    statuses = [endpoint.send(coded, headers).status for headers in (of_coded, of_event)]

    assert (statuses, len(handled)) == ([200, 401], 1)


def test_a_repeated_signature_header_is_401(
    endpoint: Endpoint, router: Router, handled: list[Any]
) -> None:
    endpoint.mount(router, signature=SCHEME)
    event = raw_event()
    [(name, value)] = SCHEME.sign(event).items()

    reply = endpoint.send(event, [*JSON.items(), (name, value), (name, value)])

    assert (reply.status, handled) == (401, [])


@pytest.mark.parametrize(
    "value", [b"", b"sha256=", b"sha256=\xff", b"sha1=00", b"sha256=" + b"0" * 60_000, b"\xc3\xa9"]
)
def test_a_malformed_signature_header_is_401(
    endpoint: Endpoint, router: Router, value: bytes
) -> None:
    endpoint.mount(router, signature=SCHEME)

    assert endpoint.send(raw_event(), {**JSON, "X-Hub-Signature-256": value}).status == 401


def test_another_scheme_works_the_same(
    endpoint: Endpoint, router: Router, handled: list[Any]
) -> None:
    scheme = StandardWebhooks("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    endpoint.mount(router, signature=scheme)
    event = raw_event()

    assert endpoint.send(event, {**JSON, **scheme.sign(event, id="msg_1")}).status == 200


# Whether it is the first time


def outcome(body: bytes) -> str:
    return str(json.loads(body)["outcome"])


def test_a_request_that_was_handled_is_a_duplicate_the_second_time(
    endpoint: Endpoint, router: Router, handled: list[Any]
) -> None:
    endpoint.mount(router, signature=SCHEME, replay=ReplayGuard())
    event = raw_event()

    replies = [endpoint.send(event, signed(event)) for _ in range(2)]

    assert [(reply.status, outcome(reply.body)) for reply in replies] == [
        (200, "handled"),
        (200, "duplicate"),
    ]
    assert len(handled) == 1


def test_a_request_that_failed_may_come_again(endpoint: Endpoint, router: Router) -> None:
    errors: list[Exception] = [ConnectionError()]

    @router.on("order.paid")
    async def handle(payload: Any) -> None:
        if errors:
            raise errors.pop()

    endpoint.mount(router, signature=SCHEME, replay=ReplayGuard())
    event = raw_event()

    assert [endpoint.send(event, signed(event)).status for _ in range(3)] == [500, 200, 200]


def test_a_request_that_comes_while_it_is_processed_is_a_conflict(
    endpoint: Endpoint, router: Router
) -> None:
    arrived, gate = ThreadEvent(), ThreadEvent()

    @router.on("order.paid")
    def handle(payload: Any) -> None:
        arrived.set()
        gate.wait(30)

    endpoint.mount(router, signature=SCHEME, replay=ReplayGuard())
    event = raw_event()

    with ThreadPoolExecutor(1) as sender:
        first = sender.submit(endpoint.send, event, signed(event))
        arrived.wait(30)
        second = endpoint.send(event, signed(event))
        gate.set()

    assert (first.result().status, second.status, outcome(second.body)) == (200, 409, "in_progress")


@pytest.mark.anyio
async def test_a_request_that_was_cancelled_may_come_again(router: Router) -> None:
    waits = [anyio.sleep_forever]

    @router.on("order.paid")
    async def handle(payload: Any) -> None:
        while waits:
            await waits.pop()()

    app = asgi(router, signature=SCHEME, replay=ReplayGuard())
    event = raw_event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post, app, event, signed(event))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    reply = await post(app, event, signed(event))

    assert (reply.status, outcome(reply.body)) == (200, "handled")


@pytest.mark.anyio
async def test_a_request_that_was_accepted_is_a_duplicate_the_second_time(
    router: Router, handled: list[Any]
) -> None:
    app = asgi(router, on_accept=202, signature=SCHEME, replay=ReplayGuard())
    event = raw_event()

    async with app.running():
        replies = [await post(app, event, signed(event)) for _ in range(2)]

    assert [(reply.status, outcome(reply.body)) for reply in replies] == [
        (202, "accepted"),
        (200, "duplicate"),
    ]
    assert len(handled) == 1


@pytest.mark.parametrize("make", [asgi, wsgi])
def test_a_guard_needs_signatures(make: Any) -> None:
    with pytest.raises(RegistrationError, match="replay= needs signature="):
        make(Router(), replay=ReplayGuard())
