"""Reading JSON: what is refused, and that nothing but our errors comes out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import EventTooLarge, Limits, MalformedEvent
from eventrouter.json import Raw, decode, encode

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=5)
    ),
    max_leaves=20,
)

REFUSED: dict[str, tuple[Raw, str]] = {
    "nothing": (b"", "not JSON"),
    "white space": (b" \n", "not JSON"),
    "a truncated object": (b'{"a": ', "not JSON"),
    "trailing data": (b"{} {}", "Extra data"),
    "a trailing comma": (b"[1,]", "not JSON"),
    "single quotes": (b"{'a': 1}", "not JSON"),
    "a comment": (b"{} // a", "Extra data"),
    "a control character in a string": (b'"\x01"', "not JSON"),
    "NaN": (b"[NaN]", "NaN"),
    "Infinity": (b"[Infinity]", "Infinity"),
    "minus Infinity": (b"[-Infinity]", "-Infinity"),
    "a number beyond any float": (b"[1e999]", "beyond any float"),
    "a negative number beyond any float": (b"[-1e999]", "beyond any float"),
    "a leading zero": (b"[01]", "not JSON"),
    "half of a surrogate pair": (rb'["\ud800"]', "surrogate"),
    "half of a surrogate pair in capitals": (rb'["\uDC00"]', "surrogate"),
    "half of a surrogate pair as a name": (rb'{"\ud800": 1}', "surrogate"),
    "half of a surrogate pair in text": ('["\ud800"]', "surrogate"),
    "a surrogate written as UTF-8": (b'["\xed\xa0\x80"]', "not UTF-8"),
    "Latin-1": ('["é"]'.encode("latin-1"), "not UTF-8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ('{"a": 1}'.encode("utf-16-be"), "not JSON"),
    "UTF-32": ('{"a": 1}'.encode("utf-32"), "UTF-16"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "an integer of 5000 digits": (b"[" + b"9" * 5000 + b"]", "4,300 digits"),
    "a negative integer of 5000 digits": (b"[-" + b"9" * 5000 + b"]", "4,300 digits"),
    "arrays 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "max_depth=64"),
    "unclosed arrays 100,000 deep": (b"[" * 100_000, "max_depth=64"),
    "objects 100,000 deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "max_depth=64"),
    "arrays 65 deep": (b"[" * 65 + b"]" * 65, "max_depth=64"),
    "a string of 10 MB": (b'"' + b"a" * 10_000_000 + b'"', "max_bytes"),
    "a mapping with a class in it": ({"a": object()}, "object is none of"),
    "a mapping with NaN in it": ({"a": float("nan")}, "nan"),
    "a mapping with a number for a name": ({1: "a"}, "the name of a member is int"),  # type: ignore[dict-item]
    "a mapping with a set in it": ({"a": {1}}, "set is none of"),
    "a mapping with a huge integer in it": ({"a": 10**5000}, "4,300 digits"),
    "a mapping with half a surrogate pair": ({"a": "\ud800"}, "surrogate"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str) -> None:
    raw, reason = REFUSED[name]

    with pytest.raises(MalformedEvent, match=reason):
        decode(raw)


def test_a_mapping_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = endless

    with pytest.raises(MalformedEvent, match="max_depth"):
        decode(endless)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(raw: bytes) -> None:
    with suppress(MalformedEvent):
        decode(raw)


@given(st.text(max_size=100))
def test_any_text_is_read_or_malformed(raw: str) -> None:
    with suppress(MalformedEvent):
        decode(raw)


@given(json_values)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert decode(encode(value)) == value


@given(json_values)
def test_it_reads_what_the_standard_library_reads(value: Any) -> None:
    assert decode(json.dumps(value)) == json.loads(json.dumps(value))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json_values))
def test_a_mapping_is_copied(value: dict[str, Any]) -> None:
    copy = decode(value)

    assert copy == value
    assert copy is not value


@pytest.mark.parametrize(
    "raw",
    [b'{"a": 1}', bytearray(b'{"a": 1}'), memoryview(b'{"a": 1}'), '{"a": 1}', {"a": 1}],
    ids=lambda raw: type(raw).__name__,
)
def test_it_takes_bytes_text_and_mappings(raw: Raw) -> None:
    assert decode(raw) == {"a": 1}


def test_anything_else_is_refused_by_name() -> None:
    with pytest.raises(MalformedEvent, match="not int"):
        decode(5)  # type: ignore[arg-type]


def test_white_space_around_it_is_skipped() -> None:
    assert decode(b' \t\r\n{"a": 1} \n') == {"a": 1}


def test_a_whole_surrogate_pair_is_read() -> None:
    assert decode(rb'["\ud83d\ude00"]') == ["😀"]


def test_an_escaped_backslash_before_a_u_is_no_surrogate() -> None:
    assert decode(rb'["\\ud800"]') == [r"\ud800"]


def test_of_a_repeated_name_the_last_value_counts() -> None:
    assert decode(b'{"a": 1, "a": 2}') == {"a": 2}


def test_brackets_in_strings_are_not_depth() -> None:
    raw = json.dumps(["[" * 100])

    assert decode(raw) == ["[" * 100]


def test_many_arrays_side_by_side_are_not_depth() -> None:
    assert decode(b"[" + b"[]," * 100 + b"[]]") == [[] for _ in range(101)]


def test_arrays_as_deep_as_the_limit_are_read() -> None:
    decode(b"[" * 64 + b"]" * 64)
    decode(b"[" * 3 + b"]" * 3, Limits(max_depth=3))

    with pytest.raises(MalformedEvent, match="max_depth=3"):
        decode(b"[" * 4 + b"]" * 4, Limits(max_depth=3))


def test_a_depth_beyond_what_python_can_read_is_still_malformed() -> None:
    with pytest.raises(MalformedEvent, match="nested deeper"):
        decode(b"[" * 100_000, Limits(max_depth=1_000_000))


def test_bytes_over_the_limit_are_not_read_at_all() -> None:
    with pytest.raises(EventTooLarge, match="max_bytes=10"):
        decode(b"x" * 11, Limits(max_bytes=10))


def test_text_is_measured_in_bytes() -> None:
    decode('"éé"', Limits(max_bytes=6))

    with pytest.raises(EventTooLarge):
        decode('"ééé"', Limits(max_bytes=6))


def test_an_integer_may_have_as_many_digits_as_the_limit() -> None:
    limits = Limits(max_integer_digits=5)

    assert decode(b"[-12345]", limits) == [-12345]
    with pytest.raises(MalformedEvent, match="over 5 digits"):
        decode(b"[123456]", limits)


def test_the_limit_on_digits_holds_where_python_has_none() -> None:
    with _python_digits(0), pytest.raises(MalformedEvent, match="4,300 digits"):
        decode(b"[" + b"9" * 5000 + b"]")


def test_python_s_own_lower_limit_on_digits_is_malformed_too() -> None:
    with _python_digits(1000), pytest.raises(MalformedEvent, match="1,000 digits"):
        decode(b"[" + b"9" * 2000 + b"]")


@pytest.mark.parametrize("limits", ["max_bytes", "max_depth", "max_integer_digits"])
def test_a_limit_is_at_least_one(limits: str) -> None:
    with pytest.raises(ValueError, match=limits):
        Limits(**{limits: 0})


@pytest.mark.parametrize("tree", [object(), float("nan"), {"a": {1}}, "\ud800"])
def test_what_json_does_not_have_is_not_written(tree: object) -> None:
    with pytest.raises(MalformedEvent, match="not writable"):
        encode(tree)


@contextmanager
def _python_digits(most: int) -> Iterator[None]:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(most)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)
