"""Patterns of event types."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import RegistrationError
from eventrouter.patterns import PatternTree, Specificity, matches, specificity
from tests.routed import naively_matches


def dotted(*segments: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(segments), min_size=1, max_size=6).map(".".join)


PATTERNS = dotted("a", "b", "*", "**")
TYPES = dotted("a", "b", "c", "")


@pytest.mark.parametrize("event_type", ["order.paid", "order.*", "order."])
def test_a_star_matches_any_one_segment(event_type: str) -> None:
    assert matches("order.*", event_type)


@pytest.mark.parametrize("event_type", ["order", "order.paid.late", "bill.paid", "orders.paid"])
def test_a_star_matches_neither_less_nor_more_than_one_segment(event_type: str) -> None:
    assert not matches("order.*", event_type)


@pytest.mark.parametrize("event_type", ["order", "order.paid", "order.paid.late.again"])
def test_two_stars_match_any_number_of_segments_none_among_them(event_type: str) -> None:
    assert matches("order.**", event_type)


@pytest.mark.parametrize("event_type", ["orders", "orders.paid", "late.order"])
def test_two_stars_match_whole_segments_only(event_type: str) -> None:
    assert not matches("order.**", event_type)


@pytest.mark.parametrize("event_type", ["a.z", "a.b.z", "a.b.z.z", "a.z.b.z"])
def test_two_stars_match_between_segments(event_type: str) -> None:
    assert matches("a.**.z", event_type)


@pytest.mark.parametrize("event_type", ["a", "z", "a.z.b", "b.a.z"])
def test_what_is_around_two_stars_must_match(event_type: str) -> None:
    assert not matches("a.**.z", event_type)


@pytest.mark.parametrize("event_type", ["a", "a.b", "a.b.c", "", "."])
def test_two_stars_alone_match_everything(event_type: str) -> None:
    assert matches("**", event_type)


def test_a_star_beside_two_stars_asks_for_one_segment_at_least() -> None:
    assert [matches("**.*.**", t) for t in ("a", "a.b")] == [True, True]
    assert not matches("a.**.*", "a")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a", Specificity.EXACT),
        ("a.b.c", Specificity.EXACT),
        ("*", Specificity.ONE_SEGMENT),
        ("a.*.c", Specificity.ONE_SEGMENT),
        ("**", Specificity.ANY_SEGMENTS),
        ("*.**", Specificity.ANY_SEGMENTS),
    ],
)
def test_the_widest_segment_tells_how_specific_a_pattern_is(
    pattern: str, expected: Specificity
) -> None:
    assert specificity(pattern) is expected


@pytest.mark.parametrize("pattern", ["", ".", "a.", ".a", "a..b"])
def test_an_empty_segment_is_refused(pattern: str) -> None:
    with pytest.raises(RegistrationError, match="empty segment"):
        specificity(pattern)


@pytest.mark.parametrize("pattern", ["order*", "a.*b", "***", "a.b**", "*a*"])
def test_a_star_inside_a_segment_is_refused(pattern: str) -> None:
    with pytest.raises(RegistrationError, match="whole segment"):
        specificity(pattern)


@pytest.mark.parametrize("pattern", [None, 5, b"order.paid", ["order"]])
def test_a_pattern_that_is_no_text_is_refused(pattern: Any) -> None:
    with pytest.raises(RegistrationError, match="no text"):
        specificity(pattern)


@given(st.lists(PATTERNS, max_size=12), TYPES)
def test_the_tree_finds_what_a_naive_matcher_finds(patterns: list[str], event_type: str) -> None:
    tree = PatternTree[int]()
    for number, pattern in enumerate(patterns):
        tree.add(pattern, number)

    found = tree.find(event_type)

    assert sorted(found) == [n for n, p in enumerate(patterns) if naively_matches(p, event_type)]


def test_many_values_under_one_pattern_are_all_found_once() -> None:
    tree = PatternTree[int]()
    for number in range(5):
        tree.add("**.**", number)

    assert sorted(tree.find("a.b.c")) == [0, 1, 2, 3, 4]


def test_patterns_with_many_two_stars_are_no_harder_to_match_than_others() -> None:
    tree = PatternTree[str]()
    for number in range(1, 51):
        tree.add(".".join(["**", "a"] * number), f"ends with a, {number} at least")
        tree.add(".".join(["**", "a"] * number) + ".b", "never")

    found = tree.find(".".join(["a"] * 256))

    assert len(found) == 50
    assert "never" not in found


def test_a_pattern_may_have_thousands_of_segments() -> None:
    deep = ".".join(["a"] * 5_000)
    assert matches(deep, deep)
    assert not matches(deep, deep + ".a")
