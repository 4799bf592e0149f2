"""What a dead letter and a key are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import DeadLetter, RegistrationError
from eventrouter.stores import bytes_of, make_key
from eventrouter.stores.arguments import LONGEST_KEY, checked_key
from eventrouter.testing.letters import NOON, letter_of

TEXTS = st.text(st.characters(exclude_categories=[]))


def test_a_long_message_is_cut() -> None:
    assert letter_of(message="x" * 2_000).message == "x" * 2_000
    assert letter_of(message="x" * 2_001).message == "x" * 1_999 + "…"


def test_of_a_long_traceback_the_end_is_kept() -> None:
    assert letter_of(traceback="x" * 20_000).traceback == "x" * 20_000
    assert letter_of(traceback="a" + "x" * 19_999 + "z").traceback == "…" + "x" * 19_998 + "z"


def test_the_time_is_kept_in_utc() -> None:
    letter = letter_of(received=datetime(2026, 5, 4, 14, tzinfo=timezone(timedelta(hours=2))))

    assert (letter.received, letter.received.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize("received", [NOON.replace(tzinfo=None), "2026-05-04", None], ids=repr)
def test_a_time_without_an_offset_is_refused(received: Any) -> None:
    with pytest.raises(RegistrationError, match=r"received=.*a datetime with an offset from UTC"):
        letter_of(received=received)


def test_a_letter_does_not_show_its_traceback() -> None:
    assert "line 3" not in repr(letter_of(traceback="line 3"))
    assert isinstance(letter_of(), DeadLetter)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"\xff{}", b"\xff{}"),
        (bytearray(b"{}"), b"{}"),
        (memoryview(b"{}"), b"{}"),
        ('{"a": "é"}', '{"a": "é"}'.encode()),
        ({"a": [1, {"b": None}]}, b'{"a": [1, {"b": null}]}'),
        (MappingProxyType({"a": MappingProxyType({})}), b'{"a": {}}'),
        ("\ud800", b"\xed\xa0\x80"),
        ({"a": {1}}, b"{'a': {1}}"),
        ({("a",): 1}, b"{('a',): 1}"),
    ],
    ids=lambda raw: type(raw).__name__,
)
def test_what_arrived_is_kept_as_bytes(raw: Any, kept: bytes) -> None:
    assert bytes_of(raw) == kept


def test_what_is_nested_without_end_is_kept_as_what_it_is() -> None:
    within: dict[str, Any] = {}
    within["a"] = within
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}

    assert bytes_of(within) == b"{'a': {...}}"
    assert bytes_of(deep) == b"<dict, nested too deep to show>"


@given(st.lists(st.none() | TEXTS))
def test_every_store_can_keep_a_key_that_is_made(parts: list[str | None]) -> None:
    checked_key(make_key(*parts))


@given(st.lists(st.none() | TEXTS, max_size=3), st.lists(st.none() | TEXTS, max_size=3))
def test_other_parts_make_another_key(one: list[str | None], other: list[str | None]) -> None:
    assert (make_key(*one) == make_key(*other)) == (one == other)


def test_a_key_of_long_parts_is_short() -> None:
    key, other = make_key("a", "x" * 10_000), make_key("a", "x" * 10_001)

    assert len(key) <= LONGEST_KEY
    assert key != other
    assert make_key("source", "1", "shop.book") == '["source","1","shop.book"]'
