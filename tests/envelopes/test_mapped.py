"""Envelopes told where the parts lie."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from eventrouter import Event, Header, MalformedEvent, MappedEnvelope, RegistrationError
from tests.envelopes.test_json import events
from tests.test_json import json_values

GITHUB = MappedEnvelope(type=Header("X-GitHub-Event"), id=Header("X-GitHub-Delivery"), payload="$")
EVENT_BRIDGE = MappedEnvelope(
    type="detail-type", id="id", timestamp="time", source="source", payload="detail"
)
MOMENT = datetime(2024, 8, 20, 5, 21, 19, tzinfo=UTC)


def test_the_type_may_lie_in_a_header_and_the_payload_be_the_whole_body() -> None:
    event = GITHUB.read(
        b'{"action": "opened"}', {"x-github-event": "issues", "X-GitHub-Delivery": "d-1"}
    )

    assert (event.type, event.id, event.payload) == ("issues", "d-1", {"action": "opened"})


def test_a_whole_body_may_be_any_json() -> None:
    assert GITHUB.read(b"[1]", {"X-GitHub-Event": "list"}).payload == [1]


def test_the_parts_of_event_bridge_are_read() -> None:
    raw = {
        "version": "0",
        "id": "e-1",
        "detail-type": "order.paid",
        "source": "shop",
        "time": "2024-08-20T05:21:19Z",
        "region": "eu-west-1",
        "detail": {"order": 1},
    }

    event = EVENT_BRIDGE.read(raw)

    assert (event.type, event.id, event.source) == ("order.paid", "e-1", "shop")
    assert (event.timestamp, event.payload) == (MOMENT, {"order": 1})
    assert event.extensions == {"version": "0", "region": "eu-west-1"}


def test_a_path_leads_through_arrays_by_index() -> None:
    envelope = MappedEnvelope(type="records.0.kind", payload="records.0.body")

    event = envelope.read({"records": [{"kind": "a", "body": 1}]})

    assert (event.type, event.payload) == ("a", 1)


def test_more_metadata_is_read_by_name() -> None:
    envelope = MappedEnvelope(
        type="kind", metadata={"tenant": Header("X-Tenant"), "region": "meta.region"}
    )

    event = envelope.read({"kind": "a", "meta": {"region": "eu"}}, {"X-Tenant": "acme"})

    assert event.metadata == {"tenant": "acme", "region": "eu"}


def test_an_integer_id_is_read_as_text() -> None:
    assert MappedEnvelope(type="kind", id="id").read({"kind": "a", "id": 7}).id == "7"


def test_what_is_not_there_is_no_error_but_the_type() -> None:
    event = EVENT_BRIDGE.read({"detail-type": "a"})

    assert (event.id, event.source, event.payload) == (None, None, None)
    with pytest.raises(MalformedEvent, match="the type at detail-type is missing"):
        EVENT_BRIDGE.read({"detail": {}})
    with pytest.raises(MalformedEvent, match="the type in the header X-GitHub-Event is missing"):
        GITHUB.read(b"{}", {})


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"detail-type": 5}, "the type at detail-type must be a string, not integer 5"),
        ({"detail-type": "a", "id": []}, "the id at id must be a string, not array of 0"),
        ({"detail-type": "a", "time": 5}, "the timestamp at time must be an RFC 3339"),
        ({"detail-type": "a" * 300}, "the type at detail-type has 300 characters"),
    ],
)
def test_a_part_of_the_wrong_kind_is_malformed(raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        EVENT_BRIDGE.read(raw)

    assert reason in str(caught.value)


@pytest.mark.parametrize("path", ["", "a..b", ".a", "a."])
def test_a_path_with_an_empty_segment_is_refused_when_made(path: str) -> None:
    with pytest.raises(RegistrationError, match="empty segment"):
        MappedEnvelope(type=path)


@given(events)
def test_what_is_written_to_places_of_its_own_is_read_back(event: Event[Any]) -> None:
    envelope = MappedEnvelope(
        type="meta.kind",
        payload="data",
        timestamp="meta.at",
        metadata={name: f"meta.m{i}" for i, name in enumerate(event.metadata)},
    )
    extensions = {f"x{i}": value for i, value in enumerate(event.extensions.values())}
    event = Event(event.type, event.payload, event.timestamp, event.metadata, extensions)

    assert envelope.read(*envelope.write(event)) == event


@given(json_values)
def test_a_whole_body_beside_headers_is_read_back(payload: Any) -> None:
    event = Event("issues", payload, MOMENT, {"id": "d-1"})
    envelope = MappedEnvelope(
        type=Header("X-Type"), id=Header("X-Id"), timestamp=Header("X-Time"), payload="$"
    )

    assert envelope.read(*envelope.write(event)) == event


@pytest.mark.parametrize(
    ("envelope", "event", "reason"),
    [
        (GITHUB, Event("a", {}, metadata={"tenant": "x"}), "no place for metadata"),
        (MappedEnvelope(type="kind"), Event("a", [1]), "a payload that is no object"),
        (MappedEnvelope(type="kind"), Event("a", {"kind": "b"}), "two different parts at kind"),
        (MappedEnvelope(type="a.b"), Event("a", {"a": 1}), "is no object"),
        (GITHUB, Event("a", {"x": {1}}), "not writable"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(
    envelope: MappedEnvelope, event: Event[Any], reason: str
) -> None:
    with pytest.raises(MalformedEvent) as caught:
        envelope.write(event)

    assert reason in str(caught.value)


def test_writing_does_not_change_the_payload() -> None:
    payload: dict[str, Any] = {"meta": {}}

    body, _ = MappedEnvelope(type="meta.kind", payload="$").write(Event("a", payload))

    assert json.loads(body) == {"meta": {"kind": "a"}}
    assert payload == {"meta": {}}
