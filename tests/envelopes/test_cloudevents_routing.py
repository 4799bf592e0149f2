"""CloudEvents on a router, beside other envelopes, and their data in handlers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import frozen

from eventrouter import (
    CloudEventsEnvelope,
    Event,
    Header,
    InvalidPayload,
    JsonEnvelope,
    MalformedEvent,
    MappedEnvelope,
    Router,
)
from tests.envelopes.test_choice import types_read

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "binary"}
CLOUD_EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "structured"}
PLAIN = {"event_type": "plain"}
GITHUB = MappedEnvelope(type=Header("X-GitHub-Event"))


def both() -> Router:
    return Router(envelope=[CloudEventsEnvelope(), JsonEnvelope(), GITHUB])


@pytest.mark.parametrize(
    ("tree", "headers", "read"),
    [
        (CLOUD_EVENT, STRUCTURED, "structured"),
        (CLOUD_EVENT, {"content-type": "Application/CloudEvents+JSON;charset=utf-8"}, "structured"),
        (CLOUD_EVENT, {"Content-Type": "application/json"}, "structured"),
        (CLOUD_EVENT, {}, "structured"),
        (CLOUD_EVENT | {"event_type": None}, BINARY, "binary"),
        (PLAIN, BINARY, "binary"),
        (PLAIN, BINARY | {"Content-Type": "application/json"}, "binary"),
        (PLAIN, {}, "plain"),
        (PLAIN, {"Content-Type": "application/vnd.shop+json"}, "plain"),
        (CLOUD_EVENT | {"type": "a"}, {"X-GitHub-Event": "push", "Content-Type": "a/b"}, "push"),
    ],
)
def test_each_event_is_read_by_the_envelope_it_is_in(
    tree: dict[str, Any], headers: dict[str, str], read: str
) -> None:
    raw = json.dumps(tree).encode()

    assert types_read(both(), raw, headers) == [read]


def test_data_in_binary_mode_need_not_be_json() -> None:
    headers = {**BINARY, "Content-Type": "text/plain"}

    assert types_read(both(), b"not JSON", headers) == ["binary"]


@pytest.mark.parametrize(
    ("tree", "headers", "reason"),
    [
        (CLOUD_EVENT | PLAIN, {}, "several envelopes, which is ambiguous"),
        (CLOUD_EVENT, BINARY | {"X-GitHub-Event": "push"}, "several envelopes"),
        (CLOUD_EVENT, {"Content-Type": "application/vnd.shop+json"}, "none of the envelopes"),
        ({}, {"ce-id": "1"}, "none of the envelopes"),
        (PLAIN, STRUCTURED, "specversion is missing"),
        ([CLOUD_EVENT], {"Content-Type": "application/cloudevents-batch+json"}, "is a batch"),
    ],
)
def test_what_is_in_no_envelope_or_in_two_is_malformed(
    tree: Any, headers: dict[str, str], reason: str
) -> None:
    with pytest.raises(MalformedEvent, match=reason):
        both().dispatch_sync(json.dumps(tree), headers)


@frozen
class Order:
    order: int


@pytest.mark.anyio
async def test_the_same_handler_takes_an_event_in_any_envelope() -> None:
    router = Router(envelope=[CloudEventsEnvelope(version="schemaversion"), JsonEnvelope()])
    seen: list[tuple[Order, str | None]] = []

    @router.on("order.paid", version="v1")
    async def book(event: Event[Order]) -> None:
        seen.append((event.payload, event.id))

    cloud_event = {**CLOUD_EVENT, "type": "order.paid", "schemaversion": "v1", "data": {"order": 1}}
    binary = {**BINARY, "ce-type": "order.paid", "ce-schemaversion": "v1"}
    metadata = {"version": "v1", "id": "1"}
    plain = {"event_type": "order.paid", "metadata": metadata, "payload": {"order": 1}}
    await router.dispatch(cloud_event, {"content-type": "application/cloudevents+json"})
    await router.dispatch(b'{"order": 1}', binary)
    await router.dispatch(json.dumps(plain).encode())

    assert seen == [(Order(1), "1")] * 3


def built(target: Any, raw: bytes, content_type: str) -> object:
    """What a handler that asks for a type is given."""
    router = Router(envelope=CloudEventsEnvelope())
    seen: list[object] = []

    def see(payload: Any) -> None:
        seen.append(payload)

    see.__annotations__["payload"] = target
    router.on("binary")(see)
    router.dispatch_sync(raw, {**BINARY, "Content-Type": content_type})
    return seen[0]


@pytest.mark.parametrize("target", [bytes, bytes | None, Any])
@pytest.mark.parametrize("content_type", ["image/png", "text/plain"])
def test_a_handler_of_bytes_is_given_the_data_whole(target: Any, content_type: str) -> None:
    assert built(target, b"aGk=", content_type) == b"aGk="


def test_a_handler_of_text_is_given_the_text() -> None:
    assert built(str, "h\xe9llo".encode(), "text/plain") == "h\xe9llo"
    assert built(str | None, b"{}", "application/xml") == "{}"


def test_json_for_a_handler_of_bytes_is_base64_in_a_string() -> None:
    assert built(bytes, b'"aGk="', "application/json") == b"hi"


def test_what_is_not_text_in_utf_8_is_invalid_for_a_handler_of_text() -> None:
    with pytest.raises(InvalidPayload, match=r"\$: expected text in UTF-8, got bytes"):
        built(str, b"\xff", "text/plain")


@pytest.mark.parametrize("target", [int, Order, dict[str, Any], list[int]])
def test_what_is_not_json_is_invalid_for_a_handler_of_json(target: Any) -> None:
    with pytest.raises(InvalidPayload, match="got bytes"):
        built(target, b"1", "text/plain")


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize(
    ("payload", "content_type"),
    [(b"\x89PNG", "image/png"), (b"aGk=", "text/plain"), (Order(1), "application/vnd.shop+json")],
)
def test_a_router_writes_what_it_dispatches(mode: Any, payload: object, content_type: str) -> None:
    router = Router(envelope=[CloudEventsEnvelope(mode=mode), JsonEnvelope()])
    seen: list[object] = []

    def see(payload: Any) -> None:
        seen.append(payload)

    see.__annotations__["payload"] = type(payload)
    router.on("a")(see)
    metadata = {"datacontenttype": content_type}
    router.dispatch_sync(*router.write(Event.new("a", payload, source="/s", metadata=metadata)))

    assert seen == [payload]


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_router_writes_bytes_without_a_content_type_so_that_they_are_read_back(mode: Any) -> None:
    router = Router(envelope=CloudEventsEnvelope(mode=mode))
    seen: list[bytes] = []

    @router.on("a")
    def see(payload: bytes) -> None:
        seen.append(payload)

    router.dispatch_sync(*router.write(Event.new("a", b"\x00\xff", source="/s")))

    assert seen == [b"\x00\xff"]


def test_the_default_envelope_still_writes_bytes_in_base64() -> None:
    event = Event.new("a", b"hi", metadata={"datacontenttype": "image/png"})

    assert json.loads(Router().write(event)[0])["payload"] == "aGk="
