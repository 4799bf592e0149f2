"""Writing CloudEvents, so that they are read back."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventrouter import CloudEventsEnvelope, DataSchema, Event, MalformedEvent
from tests.envelopes.test_json import offsets
from tests.test_json import json_values

STRUCTURED = CloudEventsEnvelope()
BINARY = CloudEventsEnvelope(mode="binary")
MOMENT = datetime(2018, 4, 5, 17, 31, tzinfo=UTC)
REQUIRED: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "a"}

NO_CHARACTERS = [
    chr(plane | last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
]
characters = st.characters(
    exclude_categories=["Cs", "Cc"],
    exclude_characters=[*NO_CHARACTERS, *map(chr, range(0xFDD0, 0xFDF0))],
)
text = st.text(characters, max_size=10)
names = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(
    lambda name: name not in {"data", "specversion", "type", "time", "id", "source", "subject"}
)
sources = st.sampled_from(["/shop", "urn:a:b", "https://h.example:80/a?b=%20#c", "a", "?"])
json_types = st.sampled_from([None, "application/vnd.a+json", "text/json; charset=utf-8"])
other_types = st.sampled_from(
    ["text/plain", "text/csv; charset=iso-8859-1", "text/x;charset=utf-16", "image/png"]
)
data = st.tuples(json_values, json_types) | st.tuples(st.binary(max_size=20), other_types)


@st.composite
def cloud_events(draw: st.DrawFn, values: st.SearchStrategy[Any] = text) -> Event[Any]:
    payload, content_type = draw(data)
    metadata = {
        "id": draw(text.filter(bool)),
        "source": draw(sources),
        "subject": draw(st.none() | text.filter(bool)),
        "dataschema": draw(st.none() | st.just("urn:schema:1")),
        "datacontenttype": content_type,
    }
    return Event(
        draw(text.filter(bool)),
        payload,
        draw(st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1), timezones=offsets)),
        {name: value for name, value in metadata.items() if value is not None},
        draw(st.dictionaries(names, values, max_size=4)),
    )


def made(payload: Any = None, content_type: str | None = None, **parts: Any) -> Event[Any]:
    metadata = {"datacontenttype": content_type} if content_type else {}
    return Event.new(
        "a", payload, id="1", source="/s", timestamp=MOMENT, metadata=metadata, **parts
    )


@given(cloud_events(text | st.booleans() | st.integers(-(2**31), 2**31 - 1)))
def test_what_is_written_in_structured_mode_is_read_back(event: Event[Any]) -> None:
    assert STRUCTURED.read(*STRUCTURED.write(event)) == event


@given(cloud_events())
def test_what_is_written_in_binary_mode_is_read_back(event: Event[Any]) -> None:
    body, headers = BINARY.write(event)

    assert BINARY.read(body, headers) == event
    assert all(re.fullmatch("[!-~]*", v) for n, v in headers.items() if n != "Content-Type")


@given(cloud_events())
def test_an_event_read_in_one_mode_is_the_same_in_the_other(event: Event[Any]) -> None:
    in_one = STRUCTURED.read(*STRUCTURED.write(event))

    assert BINARY.read(*BINARY.write(in_one)) == in_one


@given(st.lists(cloud_events(), max_size=3))
def test_the_items_of_a_batch_are_read_back(events: list[Event[Any]]) -> None:
    body, headers = STRUCTURED.write_batch(events)

    assert headers == {"Content-Type": "application/cloudevents-batch+json"}
    item_headers = {"content-type": "application/cloudevents+json"}
    assert [STRUCTURED.read(item, item_headers) for item in json.loads(body)] == events


def test_an_event_without_a_time_keeps_the_time_it_was_read_at() -> None:
    event = STRUCTURED.read(REQUIRED)

    assert STRUCTURED.read(*STRUCTURED.write(event)) == event
    assert BINARY.read(*BINARY.write(event)) == event


structures = st.dictionaries(
    st.sampled_from(["specversion", "id", "source", "type", "time", "data", "data_base64"])
    | st.sampled_from(["subject", "dataschema", "datacontenttype", "a", "A"]),
    json_values | text | st.just("1.0"),
)


@given(
    st.binary(max_size=50)
    | st.text(max_size=50)
    | structures.map(json.dumps)
    | structures.map(REQUIRED.__or__)
)
def test_no_body_raises_anything_but_malformed_event(raw: Any) -> None:
    for content_type in ("application/cloudevents+json", "application/json", "a/b", ""):
        with suppress(MalformedEvent):
            STRUCTURED.read(raw, {"Content-Type": content_type})


@given(
    st.dictionaries(
        st.sampled_from(["ce-id", "Ce-Id", "ce-source", "ce-type", "ce-time", "Content-Type"])
        | st.text(max_size=5).map("ce-".__add__),
        st.text(max_size=20) | st.text('ab"\\% ;/=', max_size=20),
    ),
    st.binary(max_size=20),
)
@example({"ce-id": "a", "ce-source": "a", "ce-type": "a", "ce-a": "\ud800"}, b"")
def test_no_headers_raise_anything_but_malformed_event(headers: dict[str, str], raw: bytes) -> None:
    required = {f"ce-{name}": text for name, text in REQUIRED.items()}
    for more in ({}, required):
        with suppress(MalformedEvent):
            BINARY.read(raw, {**headers, **more})


def test_structured_mode_is_one_object() -> None:
    event = made({"order": 7}, extensions={"priority": 5})

    body, headers = STRUCTURED.write(event)

    assert headers == {"Content-Type": "application/cloudevents+json"}
    assert json.loads(body) == {
        "specversion": "1.0",
        "type": "a",
        "time": "2018-04-05T17:31:00Z",
        "id": "1",
        "source": "/s",
        "priority": 5,
        "data": {"order": 7},
    }


def test_binary_mode_is_the_data_and_headers() -> None:
    event = made({"order": 7}, extensions={"priority": 5, "urgent": False, "who": 'J\xf6rg "J" 5%'})

    body, headers = BINARY.write(event)

    assert body == b'{"order":7}'
    assert headers == {
        "ce-specversion": "1.0",
        "ce-type": "a",
        "ce-time": "2018-04-05T17:31:00Z",
        "ce-id": "1",
        "ce-source": "/s",
        "ce-priority": "5",
        "ce-urgent": "false",
        "ce-who": "J%C3%B6rg%20%22J%22%205%25",
        "Content-Type": "application/json",
    }


@pytest.mark.parametrize(
    ("payload", "content_type", "members"),
    [
        (None, None, {}),
        (None, "text/plain", {}),
        (b"\x00", None, {"data_base64": "AA=="}),
        (b"\x00", "image/png", {"data_base64": "AA=="}),
        (b"hi", "text/plain", {"data": "hi"}),
        (b"\xff", "text/plain", {"data_base64": "/w=="}),
        (b"\xff", "text/plain; charset=latin-1", {"data_base64": "/w=="}),
        (b"\xff", "text/plain; charset=iso-8859-1", {"data": "\xff"}),
        ("<a/>", "application/xml", {"data": "<a/>"}),
        ("hi", None, {"data": "hi"}),
    ],
)
def test_data_is_text_if_it_is_text_and_else_base64(
    payload: object, content_type: str | None, members: dict[str, str]
) -> None:
    written = json.loads(STRUCTURED.write(made(payload, content_type))[0])

    assert {name: written[name] for name in written if name.startswith("data")} == (
        members | ({"datacontenttype": content_type} if content_type else {})
    )


@pytest.mark.parametrize(
    ("payload", "content_type", "body"),
    [
        (None, None, b""),
        (None, "application/vnd.a+json", b""),
        (b"\x00", "image/png", b"\x00"),
        ("\xe9", "text/plain", b"\xc3\xa9"),
        ("\xe9", "text/plain; charset=iso-8859-1", b"\xe9"),
        ("hi", "application/vnd.a+json", b'"hi"'),
    ],
)
def test_a_body_is_the_payload_as_its_content_type_says(
    payload: object, content_type: str | None, body: bytes
) -> None:
    written, headers = BINARY.write(made(payload, content_type))

    assert written == body
    assert headers.get("Content-Type") == content_type


def test_bytes_of_no_content_type_are_written_where_they_are_read_as_bytes() -> None:
    envelope = CloudEventsEnvelope(mode="binary", assumed_content_type="a/b")
    event = made(b"{}")

    body, headers = envelope.write(event)

    assert (body, "Content-Type" in headers) == (b"{}", False)
    assert envelope.read(body, headers) == event


@pytest.mark.parametrize(
    "version", ["schemaversion", DataSchema(), DataSchema("urn:{type}:{version}")]
)
@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_version_is_read_back(version: Any, mode: Any) -> None:
    envelope = CloudEventsEnvelope(mode=mode, version=version)
    event = made(version="v:2")

    assert envelope.read(*envelope.write(event)) == event


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Event("a", None), "id is missing"),
        (Event.new("a", None), "source is missing"),
        (Event.new("a", None, source="not a URI"), "source must be a URI-reference"),
        (Event.new("a\n", None, source="/s"), r"type holds U\+000A"),
        (Event.new("a", None, source="/s", id="\udead"), r"id holds U\+DEAD"),
        (made(version="v1"), "no place for a version"),
        (made(extensions={"source": "/t"}), 'two parts of the event are the attribute "source"'),
        (made(extensions={"my_own": "x"}), "no attribute may be called"),
        (made(extensions={"data": "x"}), "no attribute may be called"),
        (made(extensions={"mine": 1.5}), "mine must be a string"),
        (made(extensions={"mine": None}), "mine must be a string"),
        (made(b"{}", "application/vnd.a+json"), "is a JSON value, not bytes"),
        (made({"a": 1}, "text/plain"), "is bytes or text, not object"),
        (made("\u20ac", "text/plain; charset=us-ascii"), "in the charset"),
        (made({1}), "not writable as JSON"),
        (
            Event.new("a", None, source="/s", metadata={"tenant": "acme"}),
            'no place for metadata "tenant"',
        ),
        (Event("a", None, datetime(2018, 4, 5), {"id": "1", "source": "/s"}), "no offset"),
    ],
)
def test_what_is_no_cloud_event_is_not_written(event: Event[Any], reason: str) -> None:
    for envelope in (STRUCTURED, BINARY):
        with pytest.raises(MalformedEvent, match=reason):
            envelope.write(event)


@pytest.mark.parametrize("payload", [b"", b"{}"])
def test_bytes_of_no_content_type_are_not_written_where_they_would_be_read_as_json(
    payload: bytes,
) -> None:
    with pytest.raises(MalformedEvent, match="needs a datacontenttype"):
        BINARY.write(made(payload))


def test_no_payload_can_t_be_told_from_an_empty_one_that_is_not_json() -> None:
    with pytest.raises(MalformedEvent, match="bytes or text, not null"):
        BINARY.write(made(None, "text/plain"))


def test_a_version_and_the_attribute_it_lies_in_can_t_both_be_written() -> None:
    event = made(version="v1", extensions={"v": "v2"})

    with pytest.raises(MalformedEvent, match='two parts of the event are the attribute "v"'):
        CloudEventsEnvelope(version="v").write(event)


@pytest.mark.parametrize(
    ("version", "event"),
    [
        ("v", made(extensions={"v": "v2"})),
        (
            DataSchema("urn:{version}"),
            Event.new("a", 1, source="/s", metadata={"dataschema": "urn:x"}),
        ),
    ],
)
def test_an_attribute_that_would_be_read_as_the_version_is_not_written(
    version: Any, event: Event[Any]
) -> None:
    with pytest.raises(MalformedEvent, match="is where the version lies"):
        CloudEventsEnvelope(version=version).write(event)


def test_json_in_base64_is_the_json() -> None:
    encoded = b64encode(b'{"a": 1}').decode()

    event = STRUCTURED.read(
        {**REQUIRED, "data_base64": encoded, "datacontenttype": "application/json"}
    )

    assert BINARY.write(event)[0] == b'{"a":1}'


@pytest.mark.parametrize("envelope", [STRUCTURED, BINARY])
def test_what_correlates_events_is_metadata_under_names_without_an_underscore(
    envelope: CloudEventsEnvelope,
) -> None:
    metadata = {"correlation_id": "story", "causation_id": "e-1"}
    event = Event.new("a", 1, id="1", source="/s", timestamp=MOMENT, metadata=metadata)

    raw, headers = envelope.write(event)

    assert envelope.read(raw, headers) == event
    assert b"correlationid" in raw or headers["ce-correlationid"] == "story"


def test_a_correlationid_that_is_no_text_is_an_extension() -> None:
    event = STRUCTURED.read({**REQUIRED, "correlationid": 7})

    assert dict(event.extensions) == {"correlationid": 7}
    assert STRUCTURED.read(*STRUCTURED.write(event)) == event
