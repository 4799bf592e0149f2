"""CloudEvents in the JSON format, and what both modes refuse."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from eventrouter import (
    CloudEventsEnvelope,
    DataSchema,
    Event,
    EventTooLarge,
    Limits,
    MalformedEvent,
    RegistrationError,
)
from eventrouter.envelope import Body

ENVELOPE = CloudEventsEnvelope()
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
REQUIRED = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.paid"}


def in_both_modes(**attributes: str) -> list[tuple[bytes, dict[str, str]]]:
    """An event without data, its attributes text, as both modes have it."""
    in_headers = {f"ce-{name}": quote(text) for name, text in attributes.items()}
    if "datacontenttype" in attributes:
        del in_headers["ce-datacontenttype"]
        in_headers["Content-Type"] = attributes["datacontenttype"]
    return [(json.dumps(attributes).encode(), STRUCTURED), (b"", in_headers)]


def read(**members: object) -> Event[Any]:
    return ENVELOPE.read(json.dumps({**REQUIRED, **members}), STRUCTURED)


def test_attributes_become_the_parts_of_an_event() -> None:
    event = read(
        time="2018-04-05T17:31:00Z",
        subject="7",
        dataschema="https://schemas.example/order.paid/v2",
        datacontenttype="application/vnd.shop+json",
        traceparent="00-ab",
        priority=5,
        urgent=True,
        data={"order": 7},
    )

    assert (event.type, event.id, event.source) == ("order.paid", "e-1", "/shop")
    assert event.timestamp == datetime(2018, 4, 5, 17, 31, tzinfo=UTC)
    assert event.metadata == {
        "id": "e-1",
        "source": "/shop",
        "subject": "7",
        "dataschema": "https://schemas.example/order.paid/v2",
        "datacontenttype": "application/vnd.shop+json",
    }
    assert event.extensions == {"traceparent": "00-ab", "priority": 5, "urgent": True}
    assert event.payload == {"order": 7}
    assert event.version is None


def test_without_a_time_it_is_the_time_of_reading() -> None:
    before = datetime.now(UTC)

    assert before <= read().timestamp <= datetime.now(UTC)


def test_a_null_attribute_is_absent() -> None:
    event = read(subject=None, time=None, mine=None, datacontenttype=None)

    assert event.metadata == {"id": "e-1", "source": "/shop"}
    assert event.extensions == {}


def test_a_null_attribute_that_is_required_is_missing() -> None:
    with pytest.raises(MalformedEvent, match="id is missing"):
        read(id=None)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON"])
def test_a_content_type_of_plain_json_goes_without_saying(content_type: str) -> None:
    assert "datacontenttype" not in read(datacontenttype=content_type, data=1).metadata


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"content-type": "APPLICATION/CloudEvents+JSON; charset=utf-8"},
        {"Content-Type": "application/cloudevents+json", "ce-id": "another"},
    ],
)
def test_the_json_format_is_told_by_its_content_type_or_plain_json(
    headers: dict[str, str],
) -> None:
    assert ENVELOPE.read(json.dumps(REQUIRED), headers).id == "e-1"


@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        ("application/cloudevents-batch+json", "is a batch: hand the router each event"),
        ("application/cloudevents+avro", "only the JSON format is read"),
        ("application/cloudevents", "only the JSON format is read"),
        ("text/plain", "no CloudEvent: there are no ce- headers"),
    ],
)
def test_another_content_type_is_malformed(content_type: str, reason: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        ENVELOPE.read(json.dumps(REQUIRED), {"Content-Type": content_type})

    assert reason in str(caught.value)


def test_what_is_no_object_is_malformed() -> None:
    with pytest.raises(MalformedEvent, match="a CloudEvent is a JSON object, not array of 0"):
        ENVELOPE.read(b"[]", STRUCTURED)


@pytest.mark.parametrize("mode", [0, 1], ids=["structured", "binary"])
@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_an_attribute_that_is_required_is_there_and_not_empty(name: str, mode: int) -> None:
    missing = {n: text for n, text in REQUIRED.items() if n != name}
    with pytest.raises(MalformedEvent, match=f"{name} is missing"):
        ENVELOPE.read(*in_both_modes(**missing)[mode])

    with pytest.raises(MalformedEvent, match=f"{name} must be a string that is not empty"):
        ENVELOPE.read(*in_both_modes(**REQUIRED | {name: ""})[mode])


REFUSED = [
    ("specversion", "0.3"),
    ("specversion", "1.0.2"),
    ("specversion", "1"),
    ("time", ""),
    ("time", "yesterday"),
    ("time", "2018-04-05"),
    ("time", "2018-04-05T17:31:00"),
    ("time", "2018-04-05 17:31:00Z"),
    ("source", "/a b"),
    ("source", "/%zz"),
    ("source", "1:2"),
    ("source", "http://[::1"),
    ("source", "http://a:port/"),
    ("source", "/caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
    ("source", "a#b#c"),
    ("source", "<urn>"),
    ("subject", ""),
    ("dataschema", ""),
    ("dataschema", "/relative"),
    ("dataschema", "//host/relative"),
    ("dataschema", "https://schemas.example/a#fragment"),
    ("dataschema", "https://schemas.example/a b"),
    ("datacontenttype", ""),
    ("datacontenttype", "json"),
    ("datacontenttype", "application/"),
    ("datacontenttype", "a/b/c"),
    ("datacontenttype", "text/plain; charset"),
    ("datacontenttype", "text/plain charset=utf-8"),
    ("datacontenttype", 'text/plain; charset="utf-8'),
]


@pytest.mark.parametrize("mode", [0, 1], ids=["structured", "binary"])
@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_a_value_that_the_specification_refuses_is_malformed(
    name: str, text: str, mode: int
) -> None:
    with pytest.raises(MalformedEvent) as caught:
        ENVELOPE.read(*in_both_modes(**REQUIRED | {name: text})[mode])

    assert name in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "https://github.com/cloudevents",
        "mailto:cncf-wg-serverless@lists.cncf.io",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
        "cloudevents/spec/pull/123",
        "/sensors/tn-1234567/alerts",
        "1-555-123-4567",
        "//user@host:80/a/b?c=d#e",
        "http://[2001:db8::7]/c=GB?one",
        "?query",
        "#fragment",
        "a/b:c",
        "/%C3%A9",
    ],
)
def test_a_source_may_be_any_uri_reference(source: str) -> None:
    assert read(source=source).source == source


@pytest.mark.parametrize("schema", ["urn:example:a", "https://h/a?b=c/d", "a:", "x+y.z-1:/p"])
def test_a_dataschema_may_be_any_absolute_uri(schema: str) -> None:
    assert read(dataschema=schema).metadata["dataschema"] == schema


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "TEXT/Plain; CharSet=utf-8",
        'multipart/mixed;boundary="a \\"b\\" c" ; x=y;',
        "application/vnd.apache.thrift.binary",
    ],
)
def test_a_datacontenttype_may_be_any_media_type(content_type: str) -> None:
    assert read(datacontenttype=content_type).metadata["datacontenttype"] == content_type


@pytest.mark.parametrize(
    "name", ["Upper", "snake_case", "with-dash", "", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_a_name_that_no_attribute_may_have_is_malformed(name: str) -> None:
    with pytest.raises(MalformedEvent, match="no attribute may be called"):
        read(**{name: "x"})


@pytest.mark.parametrize("value", [1.5, 2**31, -(2**31) - 1, [], {}, ["a"], {"a": 1}])
def test_an_extension_of_a_wrong_type_is_malformed(value: object) -> None:
    with pytest.raises(MalformedEvent, match="mine must be a string, a boolean or an integer"):
        read(mine=value)


@pytest.mark.parametrize("value", ["", "text", True, False, 0, 2**31 - 1, -(2**31)])
def test_an_extension_is_a_string_a_boolean_or_an_integer(value: object) -> None:
    assert read(mine=value).extensions == {"mine": value}


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
@pytest.mark.parametrize("value", [1, True, [], {}])
def test_an_attribute_of_the_specification_is_a_string(name: str, value: object) -> None:
    with pytest.raises(MalformedEvent, match=name):
        read(**{name: value})


@pytest.mark.parametrize(
    "character", ["\0", "\n", "\x7f", "\x9f", "\ufdd0", "\uffff", "\U0001fffe"]
)
@pytest.mark.parametrize("name", ["id", "type", "subject", "mine"])
def test_a_character_that_no_string_may_hold_is_malformed(name: str, character: str) -> None:
    with pytest.raises(MalformedEvent, match=rf"{name} holds U\+{ord(character):04X}"):
        read(**{name: f"a{character}"})


def test_half_of_a_surrogate_pair_is_malformed() -> None:
    raw = json.dumps({**REQUIRED, "subject": "\udead"})

    with pytest.raises(MalformedEvent, match="surrogate"):
        ENVELOPE.read(raw, STRUCTURED)


def test_a_type_over_the_limit_is_malformed() -> None:
    body = Body(json.dumps(REQUIRED), Limits(max_name_length=3))

    with pytest.raises(MalformedEvent, match="type has 10 characters"):
        ENVELOPE.read(body, STRUCTURED)


def test_an_event_over_the_limit_is_too_large() -> None:
    with pytest.raises(EventTooLarge):
        ENVELOPE.read(Body(json.dumps(REQUIRED), Limits(max_bytes=10)), STRUCTURED)


# Data


@pytest.mark.parametrize(
    ("members", "payload"),
    [
        ({}, None),
        ({"data": None}, None),
        ({"data": "I'm just a string"}, "I'm just a string"),
        ({"data": "{}", "datacontenttype": "text/json"}, "{}"),
        ({"data": [1], "datacontenttype": "application/geo+json; x=y"}, [1]),
        ({"data": '<much wow="xml"/>', "datacontenttype": "application/xml"}, b'<much wow="xml"/>'),
        ({"data": "\xe9", "datacontenttype": "text/plain"}, b"\xc3\xa9"),
        ({"data": "\xe9", "datacontenttype": "text/plain;CharSet=ISO-8859-1"}, b"\xe9"),
        ({"data": "\xe9", "datacontenttype": 'text/plain; charset="iso-8859-1"'}, b"\xe9"),
        ({"data": "\xe9", "datacontenttype": 'a/b; x="; charset=us-ascii"'}, b"\xc3\xa9"),
        ({"data": None, "datacontenttype": "text/plain"}, None),
        ({"data_base64": "eyAieHl6IjogMTIzIH0="}, b'{ "xyz": 123 }'),
        ({"data_base64": "eyAieHl6IjogMTIzIH0=", "datacontenttype": "text/json"}, {"xyz": 123}),
        ({"data_base64": "AAE=", "datacontenttype": "image/png"}, b"\x00\x01"),
        ({"data_base64": ""}, b""),
        ({"data_base64": "", "datacontenttype": "application/json"}, None),
        ({"data_base64": None, "data": 1}, 1),
    ],
)
def test_data_is_json_or_bytes_by_its_content_type(
    members: dict[str, Any], payload: object
) -> None:
    assert read(**members).payload == payload


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"data": 1, "data_base64": "AA=="}, "data and data_base64 are both there"),
        ({"data": None, "data_base64": "AA=="}, "data and data_base64 are both there"),
        ({"data_base64": "AA"}, "data_base64 must be base64 in a string"),
        ({"data_base64": "A A=="}, "data_base64 must be base64 in a string"),
        ({"data_base64": "-_8="}, "data_base64 must be base64 in a string"),
        ({"data_base64": "\xe9"}, "data_base64 must be base64 in a string"),
        ({"data_base64": 5}, "data_base64 must be base64 in a string, not integer 5"),
        ({"data_base64": "e30", "datacontenttype": "text/json"}, "data_base64 must be base64"),
        ({"data_base64": "ew==", "datacontenttype": "text/json"}, "not JSON"),
        ({"data": 5, "datacontenttype": "text/plain"}, "must be a string, not integer 5"),
        ({"data": {}, "datacontenttype": "image/png"}, "must be a string, not object"),
        ({"data": "\u20ac", "datacontenttype": "a/b; charset=us-ascii"}, "in the charset"),
        ({"data": "a", "datacontenttype": "a/b; charset=idna"}, 'in the charset "idna"'),
        ({"data": "a", "datacontenttype": "a/b; charset=made-up"}, 'in the charset "made-up"'),
    ],
)
def test_data_that_is_not_what_it_says_is_malformed(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        read(**members)

    assert reason in str(caught.value)


def test_data_in_base64_is_read_within_the_limits() -> None:
    deep = b64encode(b"[" * 70 + b"]" * 70).decode()

    with pytest.raises(MalformedEvent, match="max_depth=64"):
        read(data_base64=deep, datacontenttype="application/json")


# The version


def test_the_version_may_lie_in_an_extension() -> None:
    envelope = CloudEventsEnvelope(version="schemaversion")

    event = envelope.read({**REQUIRED, "schemaversion": 2, "mine": "x"})

    assert (event.version, event.extensions) == ("2", {"mine": "x"})
    assert envelope.read(REQUIRED).version is None


@pytest.mark.parametrize(
    ("schema", "dataschema", "version"),
    [
        (DataSchema(), "urn:order:2", "urn:order:2"),
        (DataSchema("https://s.example/{type}/{version}"), "https://s.example/order.paid/v2", "v2"),
        (DataSchema("urn:{version}:{type}"), "urn:v2:order.paid", "v2"),
        (DataSchema("https://s.example/{version}.json"), "https://s.example/v2.json", "v2"),
        (DataSchema("https://s.example/{type}/{version}"), "https://s.example/other/v2", None),
        (DataSchema("https://s.example/{type}/{version}"), "https://s.example/order.paid/", None),
    ],
)
def test_the_version_may_lie_in_the_dataschema(
    schema: DataSchema, dataschema: str, version: str | None
) -> None:
    envelope = CloudEventsEnvelope(version=schema)

    event = envelope.read({**REQUIRED, "dataschema": dataschema})

    assert event.version == version
    assert event.metadata.get("dataschema") == (dataschema if version is None else None)
    assert envelope.read(*envelope.write(event)) == event


def test_a_version_over_the_limit_is_malformed() -> None:
    envelope = CloudEventsEnvelope(version="v")

    with pytest.raises(MalformedEvent, match="the version in v has 300 characters"):
        envelope.read({**REQUIRED, "v": "x" * 300})


@pytest.mark.parametrize(
    "settings",
    [
        {"version": "dataschema"},
        {"version": "data"},
        {"version": "Schema_Version"},
        {"version": 1},
        {"mode": "batch"},
        {"assumed_content_type": "json"},
    ],
)
def test_a_setting_that_can_t_work_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(RegistrationError, match=next(iter(settings))):
        CloudEventsEnvelope(**settings)


@pytest.mark.parametrize("template", ["https://s.example/{type}", "{version}{version}"])
def test_a_template_without_one_version_is_refused(template: str) -> None:
    with pytest.raises(RegistrationError, match="once"):
        DataSchema(template)
