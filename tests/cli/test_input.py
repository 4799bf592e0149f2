"""Lines made of chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter.cli.input import Line, LineSplitter


def split(*chunks: bytes) -> list[Line]:
    splitter = LineSplitter("events.ndjson")
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.end()]


def test_a_line_knows_its_file_and_number() -> None:
    assert [line.place for line in split(b"a\nb\n")] == ["events.ndjson:1", "events.ndjson:2"]


def test_blank_lines_are_skipped_but_counted() -> None:
    [line] = split(b"\n \t\r\n\na\n\n")

    assert (line, line.place) == (b"a", "events.ndjson:4")


def test_a_last_line_without_newline_counts() -> None:
    assert split(b"a\nb") == [b"a", b"b"]


def test_a_carriage_return_before_the_newline_is_not_part_of_the_line() -> None:
    assert split(b"a\r\nb\r") == [b"a", b"b"]


def test_a_line_may_come_in_many_chunks() -> None:
    assert split(b"a", b"b", b"c\nd", b"e") == [b"abc", b"de"]


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_nothing_but_a_newline_ends_a_line(separator: str) -> None:
    text = f"a{separator}b".encode()

    assert split(text) == [text]


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b" ", b"\xff"])), st.data())
def test_how_the_bytes_were_cut_makes_no_difference(
    parts: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(parts)
    cut = data.draw(st.integers(0, len(whole)))

    one, other = split(whole), split(whole[:cut], whole[cut:])

    assert [(line, line.place, line.size) for line in one] == [
        (line, line.place, line.size) for line in other
    ]


def test_the_sizes_of_lines_are_all_the_bytes_read() -> None:
    assert sum(line.size for line in split(b"a\r\n\n bc\nd")) == len(b"a\r\n\n bc\nd")
