"""What a request is answered with: the same over ASGI and over WSGI."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from attrs import field, frozen

from eventrouter import (
    CallNext,
    Event,
    Header,
    Limits,
    MappedEnvelope,
    RegistrationError,
    Result,
    Router,
    Status,
)
from eventrouter.integrations.http import asgi, wsgi
from eventrouter.result import HandlerResult
from tests.events import PAYLOAD, Paid, raw_event
from tests.http.conftest import Endpoint
from tests.http.servers import JSON, Reply

PROBLEM = "application/problem+json"


def _refuse(instance: object, attribute: object, value: str) -> None:
    raise ValueError("not in the table customers")


@frozen
class Picky:
    name: str = field(validator=_refuse)


@pytest.fixture
def paid(router: Router) -> list[Paid]:
    """What the handler was given."""
    given: list[Paid] = []

    @router.on("order.paid", version="v1")
    async def handle(payload: Paid) -> None:
        given.append(payload)

    return given


def document(reply: Reply) -> dict[str, Any]:
    """The problem, checked to be one."""
    problem: dict[str, Any] = json.loads(reply.body)
    assert reply.header("Content-Type") == PROBLEM
    assert problem["status"] == reply.status
    assert problem["type"] == "about:blank"
    return problem


# By result


def test_a_handled_event_is_200(endpoint: Endpoint, router: Router, paid: list[Paid]) -> None:
    endpoint.mount(router)

    reply = endpoint.send(raw_event(version="v1"))

    assert (reply.status, reply.body) == (200, b'{"outcome":"handled"}')
    assert reply.header("Content-Type") == "application/json"
    assert paid == [Paid("o-1", 995)]


def test_a_sync_handler_runs_as_well(endpoint: Endpoint, router: Router) -> None:
    given: list[Any] = []

    @router.on("order.paid")
    def handle(payload: dict[str, Any]) -> None:
        given.append(payload)

    endpoint.mount(router)

    assert endpoint.send(raw_event()).status == 200
    assert given == [PAYLOAD]


def test_an_ignored_event_is_204_without_a_body(endpoint: Endpoint) -> None:
    endpoint.mount(Router(unrouted="ignore"))

    reply = endpoint.send(raw_event())

    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("Content-Type") is None


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "not JSON: Expecting value at line 1, column 1"),
        (b'{"event_type":', "not JSON: Expecting value at line 1, column 15"),
        (b"\xff", "not UTF-8: byte 0 is wrong"),
        (b"{}", "event_type is missing"),
        (b"[]", "an event is a JSON object, not array of 0"),
    ],
)
def test_what_is_no_event_is_400_and_says_why(
    endpoint: Endpoint, router: Router, body: bytes, detail: str
) -> None:
    endpoint.mount(router)

    problem = document(endpoint.send(body))

    assert problem == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": detail,
        "outcome": "malformed",
    }


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        (raw_event("order.payd", version="v1"), 'events of type "order.payd" are not taken'),
        (
            raw_event(version="v2"),
            'events of type "order.paid" are not taken in version "v2"',
        ),
        (raw_event(), 'an event of type "order.paid" needs a version'),
        (raw_event("narrow"), 'this event of type "narrow" is not taken'),
    ],
)
def test_an_unrouted_event_is_422_and_names_nothing_that_is_known(
    endpoint: Endpoint, router: Router, paid: list[Paid], event: bytes, detail: str
) -> None:
    @router.on("narrow", where={"order": "another"})
    async def handle(payload: Paid) -> None: ...

    endpoint.mount(router)

    problem = document(endpoint.send(event))

    assert (problem["status"], problem["outcome"], problem["detail"]) == (422, "unrouted", detail)


def test_with_detail_an_unrouted_event_is_told_what_is_known(
    endpoint: Endpoint, router: Router, paid: list[Paid]
) -> None:
    endpoint.mount(router, detail=True)

    problem = document(endpoint.send(raw_event(version="v2")))

    assert problem["detail"] == (
        'UnknownVersion: no route for version "v2" of "order.paid"; known: "v1"'
    )


def test_an_invalid_payload_is_422_with_the_places_and_not_the_values(
    endpoint: Endpoint, router: Router, paid: list[Paid]
) -> None:
    endpoint.mount(router)
    event = raw_event(payload={"order": "o-1", "cents": "a secret"}, version="v1", id="e-7")

    problem = document(endpoint.send(event))

    assert (problem["status"], problem["outcome"], problem["event_id"]) == (422, "invalid", "e-7")
    assert problem["errors"] == [{"path": "$.cents", "expected": "integer"}]
    assert "secret" not in json.dumps(problem)


def test_with_detail_an_invalid_payload_is_told_the_values_too(
    endpoint: Endpoint, router: Router, paid: list[Paid]
) -> None:
    endpoint.mount(router, detail=True)

    problem = document(
        endpoint.send(raw_event(payload={"order": "o-1", "cents": "x"}, version="v1"))
    )

    assert problem["errors"] == [{"path": "$.cents", "expected": "integer", "got": 'string "x"'}]


def test_the_text_of_a_validator_is_not_told(endpoint: Endpoint, router: Router) -> None:
    @router.on("order.paid")
    async def handle(payload: Picky) -> None: ...

    endpoint.mount(router)

    problem = document(endpoint.send(raw_event(payload={"name": "x"})))

    assert problem["errors"] == [{"path": "$", "expected": "a valid value"}]


def test_a_failed_handler_is_500_and_its_error_is_not_told(
    endpoint: Endpoint, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    @router.on("order.paid")
    async def handle(payload: Paid) -> None:
        raise ConnectionError("postgres://admin:password@db")

    endpoint.mount(router)

    with caplog.at_level(logging.ERROR, "eventrouter.http"):
        reply = endpoint.send(raw_event(id="e-7"))

    assert document(reply) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "the event could not be processed",
        "outcome": "failed",
        "event_id": "e-7",
    }
    [record] = caplog.records
    assert record.getMessage() == 'the event "order.paid" with id "e-7" failed'
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ConnectionError)


def test_with_detail_the_error_of_a_handler_is_told(endpoint: Endpoint, router: Router) -> None:
    @router.on("order.paid")
    async def handle(payload: Paid) -> None:
        raise ConnectionError("no database")

    endpoint.mount(router, detail=True)

    assert document(endpoint.send(raw_event()))["detail"] == "ConnectionError: no database"


def test_with_detail_an_error_that_has_no_text_is_named(endpoint: Endpoint, router: Router) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise AttributeError

    @router.on("order.paid")
    async def handle(payload: Paid) -> None:
        raise Mute

    endpoint.mount(router, detail=True)

    assert document(endpoint.send(raw_event()))["detail"] == "Mute"


def test_the_error_of_an_envelope_is_not_told(endpoint: Endpoint) -> None:
    class Broken(MappedEnvelope):
        def read(self, body: Any, headers: Any = None) -> Event[Any]:
            raise KeyError("password")

    endpoint.mount(Router(envelope=Broken(type="type")))

    problem = document(endpoint.send(raw_event()))

    assert (problem["status"], problem["detail"]) == (400, "the event can't be read")


@pytest.mark.parametrize(("status", "code"), [(Status.DUPLICATE, 200), (Status.IN_PROGRESS, 409)])
def test_what_was_delivered_before_is_a_success_and_what_still_is_a_conflict(
    endpoint: Endpoint, router: Router, status: Status, code: int
) -> None:
    @router.middleware
    async def know(event: Event, call_next: CallNext) -> Result:
        return Result(status, event, (HandlerResult("before", None, None, 1, 0.0),))

    endpoint.mount(router)

    reply = endpoint.send(raw_event())

    assert (reply.status, json.loads(reply.body)["outcome"]) == (code, status)


# The request itself


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_any_method_but_post_is_405(endpoint: Endpoint, router: Router, method: str) -> None:
    endpoint.mount(router)

    reply = endpoint.send(method=method)

    assert (reply.status, reply.header("Allow")) == (405, "POST")
    assert (reply.body == b"") == (method == "HEAD")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/vnd.github+json; version=3",
        "application/cloudevents+json",
    ],
)
def test_the_content_types_of_json_are_taken(
    endpoint: Endpoint, router: Router, paid: list[Paid], content_type: str
) -> None:
    endpoint.mount(router)

    assert endpoint.send(raw_event(version="v1"), {"Content-Type": content_type}).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json-seq",
        "application/json, application/json",
        "application/json; charset=latin-1",
        "application/x-ndjson; charset=utf-16",
        "+json",
        "\xff\xfe",
    ],
)
def test_any_other_content_type_and_none_is_415(
    endpoint: Endpoint, router: Router, paid: list[Paid], content_type: str | None
) -> None:
    endpoint.mount(router)
    headers = {} if content_type is None else {"Content-Type": content_type.encode("latin-1")}

    reply = endpoint.send(raw_event(version="v1"), headers)

    assert document(reply)["title"] == "Unsupported Media Type"
    assert paid == []


def test_a_415_says_what_is_taken(endpoint: Endpoint, router: Router) -> None:
    endpoint.mount(router)

    reply = endpoint.send(b"", {"Content-Type": "text/plain"})

    assert "application/json" in (reply.header("Accept") or "")


def test_binary_cloudevents_may_have_any_content_type(endpoint: Endpoint) -> None:
    router = Router(envelope=MappedEnvelope(type=Header("ce-type"), payload=Header("ce-note")))
    given: list[Any] = []

    @router.on("order.paid")
    async def handle(payload: str) -> None:
        given.append(payload)

    endpoint.mount(router, batch=True)
    headers = {
        "Content-Type": "text/plain; charset=latin-1",
        "ce-specversion": "1.0",
        "ce-type": "order.paid",
        "ce-note": "n",
    }

    assert endpoint.send(b"[not json", headers).status == 200
    assert given == ["n"]


def test_headers_reach_the_envelope_whatever_their_bytes(endpoint: Endpoint) -> None:
    router = Router(envelope=MappedEnvelope(type=Header("X-Type"), id=Header("X-Id")))
    ids: list[str | None] = []

    @router.on("order.paid")
    async def handle(event: Event[Any]) -> None:
        ids.append(event.id)

    endpoint.mount(router)

    reply = endpoint.send(b"1", {**JSON, "x-TYPE": "order.paid", "X-Id": b"caf\xe9\xff"})

    assert (reply.status, ids) == (200, ["caf\xe9\xff"])


def test_a_long_id_is_cut_in_the_answer(endpoint: Endpoint, router: Router) -> None:
    endpoint.mount(router)

    problem = document(endpoint.send(raw_event(id="i" * 10_000)))

    assert problem["event_id"] == "i" * 256


def test_a_refusal_is_logged_without_what_could_forge_a_line(
    endpoint: Endpoint, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.mount(router)

    with caplog.at_level(logging.INFO, "eventrouter.http"):
        endpoint.send(raw_event("a\nERROR forged"))

    [message] = [record.getMessage() for record in caplog.records]
    assert message.startswith(r'the event "a\nERROR forged" is unrouted: no route for')
    assert "\n" not in message


def test_the_limits_of_the_router_count(endpoint: Endpoint) -> None:
    endpoint.mount(Router(limits=Limits(max_depth=3)))

    problem = document(endpoint.send(b'{"event_type":"a","payload":[[[[]]]]}'))

    assert problem["detail"] == "nested deeper than Limits(max_depth=3) allows"


# Settings


@pytest.mark.parametrize("make", [asgi, wsgi])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_accept": 200}, "on_accept=200: it is 202 or None"),
        ({"queue": 0}, "queue=0: it is at least 1"),
        ({"workers": 0}, "workers=0: it is at least 1, or 0 with inbox="),
        ({"max_batch": 0}, "max_batch=0: it is at least 1"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(
    make: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RegistrationError, match=message):
        make(Router(), **options)
