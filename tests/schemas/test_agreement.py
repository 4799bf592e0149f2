"""What a schema takes, the router takes; what either refuses, both refuse."""

from __future__ import annotations

import re
import string
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntFlag
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import attrs
import pytest
from annotated_types import Interval, Len, MultipleOf
from attrs import validators as v
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eventrouter.schemas.samples import Sampler
from tests.schemas.agreement import Both
from tests.structuring.payload_types import PayloadType, changed, json_trees, payload_types, written

moderately = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def both_of(target: Any, forbid_extra_keys: bool = False) -> Both:
    return Both(target, forbid_extra_keys=forbid_extra_keys)


@given(st.data())
@moderately
def test_schema_and_router_agree_on_every_payload(data: st.DataObject) -> None:
    of = data.draw(payload_types)
    both = Both(of.type, forbid_extra_keys=data.draw(st.booleans()))
    for _ in range(4):
        payload = written(of, data.draw(of.values))
        assert both.assert_agreed(payload)
        both.assert_agreed(changed(data, payload))


@given(payload_types, st.integers(0, 5), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_made_up_by_a_schema_is_agreed_on(
    of: PayloadType, seed: int, data: st.DataObject
) -> None:
    pytest.importorskip("polyfactory")
    both = Both(of.type)
    payload = Sampler(both.schema, seed).sample()

    assert both.assert_agreed(payload)
    both.assert_agreed(changed(data, payload))


# Text, where a pattern is to be as exact as the code


TEXTS: dict[Any, list[str]] = {
    datetime: ["2024-08-20T05:21:19Z", "2024-02-29t23:59:59.123456789+05:30"],
    date: ["2024-08-20", "2000-02-29", "1900-02-28", "0004-02-29", "9999-12-31"],
    time: ["05:21:19", "23:59:59.5-23:59", "00:00:00Z"],
    timedelta: ["P1DT2H", "-P2W3DT4H5M6.7S", "PT0.5S", "+P0D"],
    UUID: ["12345678-1234-5678-abcd-567812345678", "12345678123456781234567812345678"],
    Decimal: ["1.50", "-0", "+.5", "1e-5", "12.", "9E+999999"],
    bytes: ["", "aGk=", "aA==", "aGkh"],
}
characters = string.digits + string.ascii_letters + "-+:./= \n٣é"


@st.composite
def slips(draw: st.DrawFn, texts: list[str]) -> str:
    """One of the texts with some of its characters exchanged, left out, twice or more."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(text)))
        instead = draw(st.text(characters, max_size=2))
        text = text[:place] + instead + text[place + draw(st.integers(0, 2)) :]
    return text


@pytest.mark.parametrize("target", TEXTS, ids=lambda target: target.__name__)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_pattern_is_as_exact_as_the_code(target: Any, data: st.DataObject) -> None:
    both = both_of(target)
    pattern = both.schema["pattern"]
    near = slips(TEXTS[target]) | st.from_regex(re.compile(pattern, re.ASCII))
    assert all(map(both.assert_agreed, TEXTS[target]))

    for text in data.draw(st.lists(near, min_size=5, max_size=5)):
        both.assert_agreed(text)


# Classes, with what their validators ask for and how unions tell them apart


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Mixed(Enum):
    ONE = 1
    HALF = 0.5
    NO = False
    NOTHING = None


class Access(IntFlag):
    READ = 1
    WRITE = 2
    RUN = 4


small = st.integers(-3, 6)
words = st.text("ab1", max_size=4)
FIELDS: list[tuple[Any, Any, st.SearchStrategy[Any]]] = [
    (int, v.ge(2), small),
    (int, [v.gt(-2), v.lt(4), v.ge(0)], small),
    (int, v.and_(v.le(3), v.le(1)), small),
    (float, v.and_(v.ge(-1.5), v.lt(2)), small | st.sampled_from([-1.5, 1.5, 2.5])),
    (int | None, v.optional(v.ge(2)), small | st.none()),
    (int | None, v.ge(2), small | st.none()),
    (str | None, v.in_(["a", None]), words | st.none()),
    (str | None, v.in_(["a", "b"]), words | st.none()),
    (str, [v.min_len(1), v.max_len(2)], words),
    (str, v.matches_re(r"[ab]+"), words),
    (str, v.matches_re(r"1", func=re.search), words),
    (str, v.matches_re(r"a", func=re.match), words),
    (str, v.in_({"a", "ab", "b"}), words),
    (Color, v.in_([Color.RED]), st.sampled_from(["red", "green", "blue"])),
    (Literal["a", "b"], v.instance_of(str), words),
    (Any, v.instance_of(str), words | small),
    (Any, v.instance_of((int, type(None))), words | small | st.none() | st.booleans()),
    (list[int], v.deep_iterable(v.ge(0), v.max_len(2)), st.lists(small, max_size=4)),
    (list[int | None], v.deep_iterable(v.optional(v.ge(0))), st.lists(small | st.none())),
    (set[str], v.deep_iterable(v.min_len(1)), st.lists(words, max_size=4)),
    (dict[str, int], v.min_len(1), st.dictionaries(words, small, max_size=3)),
    (
        dict[str, int],
        v.deep_mapping(v.min_len(1), v.ge(0), v.max_len(2)),
        st.dictionaries(words, small, max_size=3),
    ),
    (Annotated[int, Interval(ge=0, lt=3)], v.ge(1), small),
    (Annotated[str | None, Len(1, 2)], None, words | st.none()),
    (list[Annotated[int, MultipleOf(2)]], None, st.lists(small, max_size=3)),
    (tuple[int, str] | None, None, st.tuples(small, words).map(list) | st.lists(small, max_size=3)),
    (Mixed, None, st.sampled_from([1, 1.0, 0.5, False, 0, True, None])),
    (Access, None, st.integers(-1, 9)),
    (set[Any], None, st.lists(json_trees, max_size=2)),
    (
        dict[Literal[0, 1], int],
        None,
        st.dictionaries(st.sampled_from(["0", "-0", "1", "2"]), small),
    ),
]


@given(st.data())
@moderately
def test_schema_and_router_agree_on_what_validators_ask(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3))
    has_defaults = data.draw(st.booleans())
    cls = attrs.make_class(
        "Record",
        {
            f"f{n}": attrs.field(
                type=type_, validator=validator, default=None if has_defaults else attrs.NOTHING
            )
            for n, (type_, validator, _) in enumerate(chosen)
        },
    )
    both = Both(cls)
    values = st.fixed_dictionaries({f"f{n}": values for n, (*_, values) in enumerate(chosen)})
    for _ in range(5):
        both.assert_agreed(data.draw(values))


@attrs.frozen
class Card:
    kind: Literal["card", 1] = "card"
    digits: str = attrs.field(default="", validator=v.max_len(2))


@attrs.frozen
class Transfer:
    kind: Literal["transfer", True]
    iban: str = ""


@attrs.frozen
class Cheque:
    number: int
    bank: str = ""


@attrs.frozen
class Coupon:
    code: str
    bank: str = ""


@attrs.frozen
class Cash:
    bank: str = ""


class Point(NamedTuple):
    x: int
    y: int = 0


class Node(TypedDict):
    value: int
    next: "Node | None"  # noqa: UP037


UNIONS = [Card | Transfer, Cheque | Coupon | Cash, Card | Transfer | str | None, Point | int, Node]
members: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["card", "transfer", 1, 1.0, True, "cash", [], None]),
        "digits": words,
        "iban": words | small,
        "number": small | words,
        "code": words | small,
        "bank": words | small,
        "x": small | words,
        "y": small,
        "value": small,
        "next": st.none() | st.just({"value": 1, "next": None}) | st.just({"value": "1"}),
    },
)
payloads = members | st.lists(small, max_size=3) | words | small | st.none()


@pytest.mark.parametrize("target", UNIONS, ids=str)
@pytest.mark.parametrize("forbid_extra_keys", [False, True])
@given(st.lists(payloads, min_size=5, max_size=5))
@settings(max_examples=20, deadline=None)
@example([{"kind": "card"}, {"number": 1, "code": "a"}])
def test_schema_and_router_tell_arms_apart_alike(
    target: Any, forbid_extra_keys: bool, drawn: list[Any]
) -> None:
    both = both_of(target, forbid_extra_keys)
    for payload in drawn:
        both.assert_agreed(payload)
