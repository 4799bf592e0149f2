"""CloudEvents over HTTP, in each of their modes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventrouter import CloudEventsEnvelope, Event, JsonEnvelope, Router
from tests.events import PAYLOAD, raw_event
from tests.http.conftest import Endpoint
from tests.http.servers import JSON

ENVELOPE = CloudEventsEnvelope()


@pytest.fixture
def router() -> Router:
    return Router(envelope=[ENVELOPE, JsonEnvelope()])


@pytest.fixture
def seen(router: Router) -> list[Event[Any]]:
    events: list[Event[Any]] = []

    @router.on_any
    async def note(event: Event[Any]) -> None:
        events.append(event)

    @router.on("order.**")
    async def handle(payload: Any) -> None: ...

    return events


def an_event(payload: Any = PAYLOAD) -> Event[Any]:
    return Event.new("order.paid", payload, source="/shop", id="e-1")


def test_structured_mode(endpoint: Endpoint, router: Router, seen: list[Event[Any]]) -> None:
    endpoint.mount(router)

    assert endpoint.send(*ENVELOPE.write(an_event())).status == 200
    assert [(event.id, event.payload) for event in seen] == [("e-1", PAYLOAD)]


def test_binary_mode_with_a_payload_that_is_not_json(
    endpoint: Endpoint, router: Router, seen: list[Event[Any]]
) -> None:
    endpoint.mount(router)
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "CE-SpecVersion": "1.0",
        "CE-Type": "order.noted",
        "CE-Source": "/shop",
        "CE-ID": "caf%C3%A9",
    }

    assert endpoint.send(b"[a note", headers).status == 200
    [event] = seen
    assert (event.id, event.payload) == ("café", b"[a note")


def test_batch_mode(endpoint: Endpoint, router: Router, seen: list[Event[Any]]) -> None:
    endpoint.mount(router)
    body, headers = ENVELOPE.write_batch([an_event(1), an_event(2)])

    reply = endpoint.send(body, headers)

    assert (reply.status, json.loads(reply.body)) == (200, [{"outcome": "handled"}] * 2)
    assert [event.payload for event in seen] == [1, 2]


def test_the_plain_envelope_beside_it(
    endpoint: Endpoint, router: Router, seen: list[Event[Any]]
) -> None:
    endpoint.mount(router)

    assert endpoint.send(raw_event(), JSON).status == 200
    assert [event.payload for event in seen] == [PAYLOAD]


@pytest.mark.parametrize("missing", ["id", "source", "type"])
def test_a_missing_attribute_is_told(endpoint: Endpoint, router: Router, missing: str) -> None:
    endpoint.mount(router)
    event = {"specversion": "1.0", "id": "1", "source": "/", "type": "order.paid"}
    del event[missing]

    reply = endpoint.send(
        json.dumps(event).encode(), {"Content-Type": "application/cloudevents+json"}
    )

    assert reply.status == 400
    assert missing in json.loads(reply.body)["detail"]
