"""How events lie in the fields of entries: as FastStream writes them, and as others do."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from faststream.redis.parser import BinaryMessageFormatV1
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import Router, Status
from eventrouter.integrations.faststream.redis.fields import MESSAGE, read, write

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.binary(), st.dictionaries(TEXTS, TEXTS, max_size=5))
def test_what_is_written_is_read(body: bytes, headers: dict[str, str]) -> None:
    message = read({MESSAGE: write(body, headers)})

    assert (message.body, message.headers, message.flaw) == (body, headers, None)


@given(st.binary(min_size=1), st.dictionaries(TEXTS, TEXTS, max_size=5))
def test_faststream_reads_what_is_written(body: bytes, headers: dict[str, str]) -> None:
    parsed, found = BinaryMessageFormatV1.parse(write(body, headers))

    assert (parsed, found) == (body, headers)


@given(st.binary(), st.dictionaries(TEXTS, TEXTS, max_size=5))
def test_what_faststream_writes_is_read(body: bytes, headers: dict[str, str]) -> None:
    """Though it writes how many characters a text has, where it means how many bytes."""
    message = read({MESSAGE: encoded_by_faststream(body, headers)})

    assert message.flaw is None
    assert message.body == body
    assert message.headers == {"correlation_id": "c", **headers}


def encoded_by_faststream(body: bytes, headers: dict[str, str]) -> bytes:
    async def encode() -> bytes:
        encoded: bytes = await BinaryMessageFormatV1.encode(
            message=body, reply_to=None, headers=headers, correlation_id="c"
        )
        return encoded

    return anyio.run(encode)


@pytest.mark.parametrize("name", [b"data", b"payload", b"body", b"message", b"event"])
def test_one_field_is_the_event_and_the_others_are_headers(name: bytes) -> None:
    message = read({b"ce-type": b"order.paid", name: b"{}", b"ce-source": "Zoë".encode()})

    assert message.body == b"{}"
    assert message.headers == {"ce-type": "order.paid", "ce-source": "Zoë"}


def test_a_single_field_is_the_event_whatever_it_is_called() -> None:
    assert read({b"json": b"{}"}).body == b"{}"


def test_a_field_of_faststream_in_no_format_of_its_own_is_the_event() -> None:
    assert read({MESSAGE: b'{"event_type": "a"}'}).body == b'{"event_type": "a"}'


def test_headers_that_are_no_text_become_one() -> None:
    assert read({b"data": b"{}", b"x\xff": b"\x00\xfe"}).headers == {"x\\xff": "\x00\\xfe"}


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({b"order_id": b"1", b"cents": b"2"}, "none of its fields is the event"),
        ({}, "none of its fields is the event"),
        ({b"data": b"{}", b"payload": b"{}"}, "several of its fields are the event"),
        ({MESSAGE: b"\x89BIN\x0d\x0a\x1a\x0a"}, "is broken"),
        ({MESSAGE: write(b"{}", {"a": "b"})[:-5]}, "is broken"),
        ({MESSAGE: write(b"{}", {}).replace(b"\x0a\x00\x01", b"\x0a\x00\x02")}, "in version 2"),
    ],
)
def test_fields_that_hold_no_event_are_all_in_a_body_that_no_envelope_takes(
    fields: dict[bytes, bytes], flaw: str
) -> None:
    message = read(fields)

    assert flaw in str(message.flaw)
    assert [name for name, _ in json.loads(message.body)] == [name.decode() for name in fields]
    assert anyio.run(Router().process, message.body, message.headers).status is Status.MALFORMED


@given(
    st.dictionaries(
        st.binary(max_size=8) | st.sampled_from([MESSAGE, b"data", b"body"]),
        st.binary(max_size=60) | st.binary(max_size=60).map(lambda d: b"\x89BIN\r\n\x1a\n" + d),
        max_size=4,
    )
)
def test_whatever_the_fields_are_reading_them_does_not_fail(fields: dict[Any, bytes]) -> None:
    message = read(fields)

    assert message.flaw is not None or message.body in {*fields.values(), message.body}


def test_headers_that_are_too_long_are_refused() -> None:
    with pytest.raises(ValueError, match="none longer"):
        write(b"{}", {"a": "x" * 65_536})
