"""CloudEvents in binary mode: attributes in headers, the data alone in the body."""

from __future__ import annotations

from typing import Any

import pytest

from eventrouter import CloudEventsEnvelope, Event, EventTooLarge, Limits, MalformedEvent
from eventrouter.envelope import Body

ENVELOPE = CloudEventsEnvelope()
REQUIRED = {
    "ce-specversion": "1.0",
    "ce-id": "e-1",
    "ce-source": "/shop",
    "ce-type": "order.paid",
}


def read(raw: Any = b"", **headers: str) -> Event[Any]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return ENVELOPE.read(raw, {**REQUIRED, **named})


def test_headers_are_attributes_and_the_body_is_the_payload() -> None:
    event = ENVELOPE.read(
        b'{"order": 7}',
        {
            "CE-SpecVersion": "1.0",
            "Ce-Id": "e-1",
            "ce-source": "/shop",
            "CE-TYPE": "order.paid",
            "ce-time": "2018-04-05T17:31:00Z",
            "ce-subject": "7",
            "ce-priority": "5",
            "content-type": "application/json; charset=utf-8",
            "x-request-id": "not an attribute",
        },
    )

    assert (event.type, event.id, event.source) == ("order.paid", "e-1", "/shop")
    assert event.metadata["subject"] == "7"
    assert event.metadata["datacontenttype"] == "application/json; charset=utf-8"
    assert event.extensions == {"priority": "5"}
    assert event.payload == {"order": 7}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \N{EURO SIGN} \N{GRINNING FACE}"),
        ("%e2%82%ac", "\N{EURO SIGN}"),
        ("%61", "a"),
        ("100%2525", "100%25"),
        ("not encoded", "not encoded"),
        ('"quoted \\"text\\" %20"', 'quoted "text"  '),
        ('a "b c" d', "a b c d"),
        ("  padded\t", "padded"),
        ("", ""),
        ("a+b", "a+b"),
    ],
)
def test_a_header_is_decoded(written: str, text: str) -> None:
    assert read(ce_mine=written).extensions == {"mine": text}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("%C0%A0", "percent-encoded, but not UTF-8"),
        ("%ED%A0%80", "percent-encoded, but not UTF-8"),
        ("100%", "a % without two hexadecimal digits"),
        ("%4", "a % without two hexadecimal digits"),
        ("%zz", "a % without two hexadecimal digits"),
        ('"open', "a quote that does not end"),
        ('a"', "a quote that does not end"),
        ("caf\xe9", "more than ASCII"),
        ("a\x00", "more than ASCII"),
        ("%00", r"holds U\+0000"),
        ("%EF%BF%BF", r"holds U\+FFFF"),
    ],
)
def test_a_header_that_is_not_well_encoded_is_malformed(written: str, reason: str) -> None:
    with pytest.raises(MalformedEvent, match=reason):
        read(ce_mine=written)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Ce-Id": "e-2"}, "the header ce-id is there twice"),
        ({"Content-Type": "a/b", "content-type": "a/b"}, "the header content-type is there twice"),
        ({"ce-datacontenttype": "text/plain"}, "ce-datacontenttype must not be there"),
        ({"ce-data": "x"}, 'no attribute may be called "data"'),
        ({"ce-": "x"}, 'no attribute may be called ""'),
        ({"ce-my-own": "x"}, 'no attribute may be called "my-own"'),
        ({"ce-mine": 5}, "the header ce-mine is int, not text"),
    ],
)
def test_headers_that_the_binding_refuses_are_malformed(
    headers: dict[str, Any], reason: str
) -> None:
    with pytest.raises(MalformedEvent) as caught:
        ENVELOPE.read(b"", {**REQUIRED, **headers})

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "content_type", "payload"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b"1.5", "application/vnd.shop+json", 1.5),
        ('{"a": 1}', "application/json", {"a": 1}),
        ({"a": 1}, "application/json", {"a": 1}),
        (b"", "application/json", None),
        ("", "application/json", None),
        (b"null", "application/json", None),
        (b"hello", "text/plain", b"hello"),
        ("h\xe9", "text/plain", b"h\xc3\xa9"),
        (bytearray(b"\x00\xff"), "application/octet-stream", b"\x00\xff"),
        (memoryview(b"{}"), "application/octet-stream", b"{}"),
        (b"", "text/plain", b""),
    ],
)
def test_the_body_is_json_or_bytes_by_its_content_type(
    raw: Any, content_type: str, payload: object
) -> None:
    event = read(raw, content_type=content_type)

    assert event.payload == payload
    assert type(event.payload) is type(payload)


@pytest.mark.parametrize(
    ("raw", "content_type", "reason"),
    [
        (b"{", "application/json", "not JSON"),
        (b"\xff", "application/json", "not UTF-8"),
        ({"a": 1}, "text/plain", "must be given as bytes"),
        ("\ud800", "text/plain", "surrogate"),
        (5, "text/plain", "an event is bytes, text or a mapping, not int"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_malformed(
    raw: Any, content_type: str, reason: str
) -> None:
    with pytest.raises(MalformedEvent, match=reason):
        read(raw, content_type=content_type)


def test_a_body_without_a_content_type_is_json_unless_the_envelope_is_told_otherwise() -> None:
    envelope = CloudEventsEnvelope(assumed_content_type="application/octet-stream")

    assert read(b'{"a": 1}').payload == {"a": 1}
    assert read(b"").payload is None
    assert envelope.read(b'{"a": 1}', REQUIRED).payload == b'{"a": 1}'
    assert envelope.read(b"", REQUIRED).payload is None


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_body_over_the_limit_is_too_large(content_type: str) -> None:
    body = Body(b'"' + b"a" * 1_000 + b'"', Limits(max_bytes=1_000))

    with pytest.raises(EventTooLarge):
        ENVELOPE.read(body, {**REQUIRED, "Content-Type": content_type})


def test_headers_over_the_limit_are_too_large() -> None:
    with pytest.raises(EventTooLarge, match="headers have"):
        ENVELOPE.read(Body(b"", Limits(max_bytes=50)), REQUIRED)
