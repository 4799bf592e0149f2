"""Many events in one request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventrouter import Event, Header, Limits, MappedEnvelope, Router
from tests.events import PAID, PAYLOAD, Paid, raw_event
from tests.http.conftest import Endpoint
from tests.http.servers import JSON

LINES = {"Content-Type": "application/x-ndjson"}
CLOUDEVENTS = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture
def paid(router: Router) -> list[Paid]:
    given: list[Paid] = []

    @router.on("order.paid")
    async def handle(payload: Paid) -> None:
        given.append(payload)

    @router.on("order.lost")
    async def fail(payload: Any) -> None:
        raise ConnectionError("secret")

    return given


def array(*events: bytes) -> bytes:
    return b" [" + b",".join(events) + b"]"


def outcomes(body: bytes) -> list[str]:
    return [item["outcome"] for item in json.loads(body)]


def test_an_array_is_a_batch_where_it_is_said_to_be(
    endpoint: Endpoint, router: Router, paid: list[Paid]
) -> None:
    endpoint.mount(router, batch=True)

    reply = endpoint.send(array(raw_event(), raw_event()))

    assert (reply.status, reply.header("Content-Type")) == (200, "application/json")
    assert json.loads(reply.body) == [{"outcome": "handled"}, {"outcome": "handled"}]
    assert paid == [PAID, PAID]


def test_one_event_is_answered_alone_where_batches_are_taken(
    endpoint: Endpoint, router: Router, paid: list[Paid]
) -> None:
    endpoint.mount(router, batch=True)

    assert json.loads(endpoint.send(raw_event()).body) == {"outcome": "handled"}


def test_an_array_is_one_event_unless_it_is_said_to_be_a_batch(endpoint: Endpoint) -> None:
    router = Router(envelope=MappedEnvelope(type=Header("X-Type")))
    given: list[list[int]] = []

    @router.on("counted")
    async def handle(payload: list[int]) -> None:
        given.append(payload)

    endpoint.mount(router)

    reply = endpoint.send(b"[1, 2]", {**JSON, "X-Type": "counted"})

    assert (json.loads(reply.body), given) == ({"outcome": "handled"}, [[1, 2]])


def test_lines_are_a_batch(endpoint: Endpoint, router: Router, paid: list[Paid]) -> None:
    endpoint.mount(router)

    reply = endpoint.send(b"\n".join([raw_event(), b"", raw_event() + b"\r", b" ", b""]), LINES)

    assert (reply.status, outcomes(reply.body), paid) == (200, ["handled"] * 2, [PAID, PAID])


def test_a_line_that_is_no_event_does_not_stop_the_others(
    endpoint: Endpoint, router: Router, paid: list[Paid]
) -> None:
    endpoint.mount(router)

    reply = endpoint.send(b"\n".join([b"{", raw_event()]), LINES)

    assert (reply.status, outcomes(reply.body)) == (400, ["malformed", "handled"])
    assert paid == [PAID]


def test_a_batch_of_cloudevents_is_one_structured_cloudevent_after_the_other(
    endpoint: Endpoint,
) -> None:
    router = Router(
        envelope=MappedEnvelope(
            type="type", payload="data", metadata={"as": Header("Content-Type")}
        )
    )
    seen: list[Any] = []

    @router.on_any
    async def look(event: Event) -> None:
        seen.append((event.payload, event.metadata["as"]))

    @router.on("order.paid")
    async def handle(payload: Paid) -> None: ...

    endpoint.mount(router)
    event = {"specversion": "1.0", "type": "order.paid", "id": "1", "source": "/", "data": PAYLOAD}

    reply = endpoint.send(json.dumps([event]).encode(), CLOUDEVENTS)

    assert (reply.status, outcomes(reply.body)) == (200, ["handled"])
    assert seen == [(PAYLOAD, "application/cloudevents+json")]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], 200),
        (["order.paid"], 200),
        (["order.paid", "nobody"], 422),
        (["order.paid", "order.lost"], 500),
        (["nobody", "order.lost", "order.paid"], 500),
    ],
)
def test_the_status_is_that_of_the_worst(
    endpoint: Endpoint, router: Router, paid: list[Paid], events: list[str], status: int
) -> None:
    endpoint.mount(router, batch=True)

    reply = endpoint.send(array(*map(raw_event, events)))

    assert reply.status == status
    assert len(json.loads(reply.body)) == len(events)


def test_an_ignored_event_has_an_item_too(endpoint: Endpoint) -> None:
    endpoint.mount(Router(unrouted="ignore"), batch=True)

    reply = endpoint.send(array(raw_event()))

    assert (reply.status, json.loads(reply.body)) == (200, [{"outcome": "ignored"}])


def test_each_item_that_went_wrong_is_a_problem(
    endpoint: Endpoint, router: Router, paid: list[Paid]
) -> None:
    endpoint.mount(router, batch=True)

    [item] = json.loads(endpoint.send(array(raw_event("order.lost", id="e-1"))).body)

    assert (item["status"], item["title"], item["event_id"]) == (
        500,
        "Internal Server Error",
        "e-1",
    )
    assert "secret" not in str(item)


@pytest.mark.parametrize("item", ['"{\\"event_type\\": \\"order.paid\\"}"', "1", "null", "[{}]"])
def test_an_item_that_is_no_object_is_malformed(
    endpoint: Endpoint, router: Router, paid: list[Paid], item: str
) -> None:
    endpoint.mount(router, batch=True)

    reply = endpoint.send(array(item.encode()))

    assert (reply.status, outcomes(reply.body), paid) == (400, ["malformed"], [])


@pytest.mark.parametrize(("body", "detail"), [(b"[", "not JSON"), (b"{}", "a batch is a JSON")])
def test_what_is_no_batch_is_400(
    endpoint: Endpoint, router: Router, body: bytes, detail: str
) -> None:
    endpoint.mount(router)

    reply = endpoint.send(body, CLOUDEVENTS)

    assert reply.status == 400
    assert json.loads(reply.body)["detail"].startswith(detail)


@pytest.mark.parametrize("headers", [JSON, LINES])
@pytest.mark.parametrize(("count", "status"), [(3, 200), (4, 413)])
def test_a_batch_of_more_events_than_allowed_is_refused_whole(
    endpoint: Endpoint,
    router: Router,
    paid: list[Paid],
    headers: dict[str, str],
    count: int,
    status: int,
) -> None:
    endpoint.mount(router, batch=True, max_batch=3)
    events = [raw_event()] * count
    body = array(*events) if headers is JSON else b"\n".join(events)

    assert endpoint.send(body, headers).status == status
    assert len(paid) == (count if status == 200 else 0)


def test_each_event_of_a_batch_may_be_as_deep_as_one_alone(endpoint: Endpoint) -> None:
    router = Router(limits=Limits(max_depth=2), unrouted="ignore")
    endpoint.mount(router, batch=True)
    fitting, deeper = (b'{"event_type":"a","payload":%b}' % p for p in (b"[]", b"[[]]"))

    assert outcomes(endpoint.send(array(fitting)).body) == ["ignored"]
    assert endpoint.send(array(deeper)).status == 400
