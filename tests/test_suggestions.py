"""Known names that unknown ones may have been meant to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter.suggestions import Suggestions

ALPHABET = "abc."
NAMES = st.text(ALPHABET, min_size=1, max_size=7)


def slips(name: str) -> set[str]:
    """All that one slip makes of a name."""
    ends = [(name[:at], name[at:]) for at in range(len(name) + 1)]
    missing = {head + tail[1:] for head, tail in ends}
    extra = {head + letter + tail for head, tail in ends for letter in ALPHABET}
    wrong = {head + letter + tail[1:] for head, tail in ends if tail for letter in ALPHABET}
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in ends if len(tail) > 1}
    return (missing | extra | wrong | swapped) - {name}


@pytest.mark.parametrize(
    "name", ["order.pad", "order.paaid", "order.said", "ordre.paid", "order.paidx", "rder.paid"]
)
def test_a_name_one_slip_away_is_found(name: str) -> None:
    assert Suggestions(["order.paid", "bill.sent"]).nearest(name) == "order.paid"


@pytest.mark.parametrize("name", ["oder.pad", "order", "order.diap", "xorder.paidx", "Order.Paid"])
def test_a_name_further_away_is_not(name: str) -> None:
    assert Suggestions(["order.paid", "bill.sent"]).nearest(name) is None


def test_of_no_names_none_is_near() -> None:
    assert Suggestions([]).nearest("order.paid") is None


def test_a_known_name_is_not_meant_to_be_itself() -> None:
    assert Suggestions(["order.paid"]).nearest("order.paid") is None


def test_the_characters_around_the_middle_may_be_swapped() -> None:
    assert Suggestions(["abcd"]).nearest("acbd") == "abcd"
    assert Suggestions(["abcde"]).nearest("acbde") == "abcde"
    assert Suggestions(["ab"]).nearest("ba") == "ab"


@given(st.sets(NAMES, min_size=1, max_size=15), st.data())
def test_any_single_slip_is_found(known: set[str], data: st.DataObject) -> None:
    meant = data.draw(st.sampled_from(sorted(known)))
    name = data.draw(st.sampled_from(sorted(slips(meant))))

    nearest = Suggestions(sorted(known)).nearest(name)

    assert nearest in known
    assert name in slips(nearest)


@given(st.sets(NAMES, max_size=6), st.data())
def test_two_slips_are_not_found_unless_one_would_have_done(
    known: set[str], data: st.DataObject
) -> None:
    once = data.draw(st.sampled_from(sorted(slips(data.draw(NAMES)))))
    name = data.draw(st.sampled_from(sorted(slips(once))))

    nearest = Suggestions(sorted(known)).nearest(name)

    one_away = {other for other in known if name in slips(other)}
    assert nearest in one_away if one_away else nearest is None


def test_it_is_found_among_a_hundred_thousand_names() -> None:
    known = [f"{number}.tenant.{number * 7919 % 100_000}" for number in range(100_000)]
    suggestions = Suggestions(known)

    for meant in known[10_000::9_999]:
        for at in range(len(meant)):
            assert suggestions.nearest(f"{meant[:at]}x{meant[at:]}") == meant


def test_names_that_share_a_half_cost_no_more_than_others() -> None:
    suggestions = Suggestions([f"a.long.name.in.front.of.{number:06}" for number in range(100_000)])

    assert suggestions.nearest("a.long.nxme.in.front.of.099999") == "a.long.name.in.front.of.099999"
