"""CloudEvents as the SDK for Python writes and reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_binary_event,
    from_structured_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1 import conversion
from cloudevents.v1.http import CloudEvent as LegacyCloudEvent

from eventrouter import CloudEventsEnvelope, Event
from eventrouter.envelope import Body

ENVELOPE = CloudEventsEnvelope()
STRUCTURED = {"content-type": "application/cloudevents+json"}
MOMENT = datetime(2018, 4, 5, 17, 31, 0, 123456, UTC)
ATTRIBUTES: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1 \N{EURO SIGN} 100% \N{GRINNING FACE}",
    "source": "https://shop.example/orders?region=eu#1",
    "type": "order.paid",
    "time": MOMENT,
    "subject": 'J\xf6rg "the buyer"',
    "dataschema": "https://schemas.example/order.paid/v2",
    "traceparent": "00-ab-cd-01",
}

# What the SDK gets right of each: text that is JSON it sends as if it were JSON already.
DATA: list[tuple[str | None, Any, Any]] = [
    ("application/json", {"order": 7, "note": "\xfc"}, {"order": 7, "note": "\xfc"}),
    ("application/vnd.shop+json", {"order": 7}, {"order": 7}),
    (None, {"order": 7}, {"order": 7}),
    ("application/json", None, None),
    (None, None, None),
    ("text/plain", "h\xe9llo", "h\xe9llo".encode()),
    ("text/plain; charset=utf-8", "h\xe9llo", "h\xe9llo".encode()),
    ("application/xml", "<a/>", b"<a/>"),
    ("image/png", b"\x89PNG\xff", b"\x89PNG\xff"),
    ("application/json", b'{"order": 7}', {"order": 7}),
]


def made(content_type: str | None, data: Any, **more: Any) -> BaseCloudEvent:
    attributes = ATTRIBUTES | more
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return CloudEvent(attributes, data)


def assert_same(event: Event[Any], sent: BaseCloudEvent, payload: object) -> None:
    kept = {name: text for name, text in event.metadata.items() if name != "datacontenttype"}
    assert event.payload == payload
    assert {
        "specversion": "1.0",
        "type": event.type,
        "time": event.timestamp,
        **kept,
        **event.extensions,
    } == {n: value for n, value in sent.get_attributes().items() if n != "datacontenttype"}
    plain = "application/json"
    assert event.metadata.get("datacontenttype", plain) == (sent.get_datacontenttype() or plain)


@pytest.mark.parametrize(("content_type", "data", "payload"), DATA)
def test_what_the_sdk_writes_in_structured_mode_is_read(
    content_type: str | None, data: Any, payload: object
) -> None:
    sent = made(content_type, data, priority=5, urgent=True)
    message = to_structured_event(sent)

    assert ENVELOPE.fits(_body(message), message.headers)
    assert_same(ENVELOPE.read(message.body, message.headers), sent, payload)


@pytest.mark.parametrize(("content_type", "data", "payload"), DATA)
def test_what_the_sdk_writes_in_binary_mode_is_read(
    content_type: str | None, data: Any, payload: object
) -> None:
    sent = made(content_type, data)
    message = to_binary_event(sent)

    assert ENVELOPE.fits(_body(message), message.headers)
    assert_same(ENVELOPE.read(message.body, message.headers), sent, payload)


def test_a_batch_of_what_the_sdk_writes_is_read() -> None:
    sent = [made(content_type, data, id=str(i)) for i, (content_type, data, _) in enumerate(DATA)]
    batch = b"[" + b",".join(map(JSONFormat().write, sent)) + b"]"

    for item, event, (_, _, payload) in zip(json.loads(batch), sent, DATA, strict=True):
        assert_same(ENVELOPE.read(item, STRUCTURED), event, payload)


# What is not JSON the SDK reads as text, where it can.
WRITTEN: list[tuple[str | None, Any]] = [
    (None, {"order": 7, "note": "\xfc"}),
    ("application/vnd.shop+json", {"order": 7}),
    (None, None),
    ("text/plain", "h\xe9llo"),
    ("application/xml", "<a/>"),
    ("image/png", b"\x89PNG\xff"),
]


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize(("content_type", "payload"), WRITTEN)
def test_what_is_written_is_read_by_the_sdk(
    mode: Any, content_type: str | None, payload: object
) -> None:
    kept = ("id", "source", "subject", "dataschema")
    metadata = {name: ATTRIBUTES[name] for name in kept}
    if content_type is not None:
        metadata["datacontenttype"] = content_type
    event = Event("order.paid", payload, MOMENT, metadata, {"traceparent": "00-ab-cd-01"})

    body, headers = CloudEventsEnvelope(mode=mode).write(event)

    message = HTTPMessage({name.lower(): value for name, value in headers.items()}, body)
    read = (from_structured_event if mode == "structured" else from_binary_event)(message)
    attributes = dict(read.get_attributes())
    assert attributes.pop("datacontenttype", "application/json") == (
        content_type or "application/json"
    )
    assert attributes == ATTRIBUTES
    assert read.get_data() == payload


def test_integers_and_booleans_are_read_by_the_sdk_in_structured_mode() -> None:
    event = Event("a", None, MOMENT, {"id": "1", "source": "/s"}, {"priority": 5, "urgent": True})

    body, headers = ENVELOPE.write(event)

    read = from_structured_event(HTTPMessage(headers, body))
    assert (read.get_extension("priority"), read.get_extension("urgent")) == (5, True)


@pytest.mark.parametrize("write", [conversion.to_structured, conversion.to_binary])
@pytest.mark.parametrize("content_type", [None, "application/json"])
def test_what_version_1_of_the_sdk_writes_is_read(write: Any, content_type: str | None) -> None:
    attributes = {"source": "/shop", "type": "order.paid", "mine": "x y"}
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    sent = LegacyCloudEvent(attributes, {"order": 7})

    headers, body = write(sent)
    event = ENVELOPE.read(body, headers)

    assert (event.id, event.payload) == (sent["id"], {"order": 7})
    assert event.extensions == {"mine": "x y"}
    assert event.timestamp == datetime.fromisoformat(sent["time"])


def _body(message: HTTPMessage) -> Body:
    return Body(message.body)
