"""However an event is read, it means the same: with msgspec or without, straight or not."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import anyio
import attrs
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from eventrouter import Limits, MalformedEvent, Status
from eventrouter.json import decode
from tests.three_ways import TYPE, ThreeWays, outcome, raw_of, shown

pytest.importorskip("msgspec")

import msgspec

# A document is JSON in bytes, or a list, or ``Members``: what Python's own types can't hold, as a
# name that stands twice, or 1.0 beside 1e0, is to be written too.


@frozen
class Members:
    """An object: its names, in JSON, and its values, in order."""

    items: tuple[tuple[bytes, Any], ...]


def written(document: Any) -> bytes:
    if isinstance(document, Members):
        return b"{%s}" % b",".join(n + b": " + written(value) for n, value in document.items)
    if isinstance(document, list):
        return b"[%s]" % b", ".join(map(written, document))
    assert isinstance(document, bytes)
    return document


@frozen
class Kind:
    """
    A type of payload.

    Args:
        type: The type.
        documents: JSON that it is built from.
        is_straight: Whether msgspec alone reads it.
        is_scalar: Whether it is neither an array nor an object.
    """

    type: Any
    documents: st.SearchStrategy[Any]
    is_straight: bool = True

    def __repr__(self) -> str:
        return repr(self.type)


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2**40


class Size(StrEnum):
    S = "s"


class Mixed(Enum):
    ONE = 1
    TWO = "two"
    HALF = 0.5
    NOTHING = None


class Id(str): ...


Age = NewType("Age", int)

TEXTS = ["a", "", "é", "😀", 'q"\\', "\x00\x1f", "\ud83d", "1", "null", "red"]
INTEGERS = ["0", "-0", "1", "7", "-12", str(2**63), str(-(2**63) - 1), str(2**64), "9" * 40]
FLOATS = ["1.0", "-0.0", "1e3", "1E-2", "0.1", "1.7976931348623157e308", "5e-324", "1e-999"]
MOMENTS = ["2024-08-20T05:21:19Z", "2024-08-20t05:21:19.123456789z", "2024-08-20T05:21:19+05:30"]
DATES = ["2024-08-20", "0001-01-01", "9999-12-31"]
TIMES = ["05:21:19", "05:21:19.999999999Z", "23:59:59-23:59"]
DURATIONS = ["P1DT2H", "PT0.123456789S", "-P2W", "PT0S"]
UUIDS = ["12345678-1234-5678-abcd-567812345678", "12345678123456781234567812345678"]
DECIMALS = ["1.50", "-0", "+.5", "1e5", "00.10"]
ODD_TEXTS = [
    *[
        "2024-08-20T05:21:19",
        "2024-08-20T24:00:00Z",
        "2024-08-20T05:21:60Z",
        "0001-01-01T00:00:00+01:00",
    ],
    *["2024-02-30", "20240820", "24:00:00", "P1Y", "P", "NaN", "Infinity", "1_0", "urn:x", "two"],
]


def quoted(texts: list[str]) -> st.SearchStrategy[bytes]:
    """The texts in JSON, some of them all in escapes."""
    plain = [json.dumps(t, ensure_ascii=False).encode() for t in texts if t.isprintable()]
    escaped = [json.dumps(text).encode() for text in texts if text != "\ud83d"]
    spelt = [b'"%s"' % b"".join(b"\\u%04x" % ord(c) for c in t if ord(c) < 2**16) for t in texts]
    spelt = [text for text in spelt if b"\\ud83d" not in text]
    return st.sampled_from([*plain, *escaped, *spelt])


def raw(texts: list[str]) -> st.SearchStrategy[bytes]:
    return st.sampled_from([text.encode() for text in texts])


texts = quoted(TEXTS)
integers = raw(INTEGERS) | st.integers().map(lambda number: b"%d" % number)
floats = raw(FLOATS) | st.floats(allow_nan=False, allow_infinity=False).map(
    lambda x: repr(x).encode()
)
booleans, nulls = raw(["true", "false"]), raw(["null"])

LEAVES = [
    Kind(str, texts),
    Kind(int, integers),
    Kind(float, floats | integers),
    Kind(bool, booleans),
    Kind(type(None), nulls),
    Kind(datetime, quoted(MOMENTS)),
    Kind(date, quoted(DATES)),
    Kind(time, quoted(TIMES)),
    Kind(timedelta, quoted(DURATIONS)),
    Kind(UUID, quoted(UUIDS)),
    Kind(Decimal, quoted(DECIMALS) | integers),
    Kind(Color, quoted(["red", "green"])),
    Kind(Level, raw(["1", str(2**40)])),
    Kind(Size, quoted(["s"])),
    Kind(Mixed, raw(["1", "0.5", "null", '"two"'])),
    Kind(Literal["red", 1], raw(['"red"', "1"])),
    Kind(Literal[True, "red", None], raw(['"red"', "true", "null"])),
    Kind(Age, integers),
    Kind(Annotated[str, msgspec.Meta(min_length=50)], texts),
    Kind(str | int | None, texts | integers | nulls),
    Kind(int | bool, booleans | integers),
]
OTHERS = [
    Kind(bytes, quoted(["aGk=", ""]), is_straight=False),
    Kind(Id, texts, is_straight=False),
    Kind(float | str, texts | floats, is_straight=False),
    Kind(Any, texts | floats | st.just([b"1", Members(())]), is_straight=False),
]


def extended(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    fields = st.dictionaries(st.sampled_from(["a", "b", "at", "ünï", "hash"]), inner, max_size=3)
    return st.one_of(
        inner.map(lambda of: Kind(list[of.type], _lists(of), of.is_straight)),  # type: ignore[name-defined]
        inner.map(lambda of: Kind(tuple[of.type, ...], _lists(of), of.is_straight)),  # type: ignore[name-defined]
        inner.map(lambda of: Kind(dict[str, of.type], _objects(of), of.is_straight)),  # type: ignore[name-defined]
        inner.map(_optional),
        st.builds(_record, st.sampled_from(RECORDS), fields, st.booleans()),
        st.builds(_record, st.sampled_from(RECORDS), fields, st.booleans()),
    )


def _lists(of: Kind) -> st.SearchStrategy[Any]:
    return st.lists(of.documents, max_size=3)


def _objects(of: Kind) -> st.SearchStrategy[Any]:
    members = st.lists(st.tuples(quoted(["a", "b", "é"]), of.documents), max_size=3)
    return members.map(lambda items: Members(tuple(items)))


def _optional(of: Kind) -> Kind:
    return Kind(typing.Optional[of.type], nulls | of.documents, of.is_straight)  # noqa: UP045


def _attrs_class(fields: dict[str, Any], has_defaults: bool, **options: Any) -> Any:
    default: Any = None if has_defaults else attrs.NOTHING
    made = {name: attrs.field(type=of, default=default) for name, of in fields.items()}
    return attrs.make_class("Attrs", made, class_body={"__module__": __name__}, **options)


def _data_class(fields: dict[str, Any], has_defaults: bool, **options: Any) -> Any:
    default: Any = {"default_factory": list} if has_defaults else {}
    made = [(name, of, dataclasses.field(**default)) for name, of in fields.items()]
    return dataclasses.make_dataclass("Data", made, **options)


def _data_class_of_plain_defaults(fields: dict[str, Any], has_defaults: bool) -> Any:
    made: list[Any] = list(fields.items())
    if has_defaults:
        made = [(name, of, None) for name, of in fields.items()]
    return dataclasses.make_dataclass("Data", made)


def _renamed(fields: dict[str, Any], has_defaults: bool) -> Any:
    default: Any = None if has_defaults else attrs.NOTHING
    made = {
        f"field_{number}": attrs.field(type=of, default=default, alias=name)
        for number, (name, of) in enumerate(fields.items())
    }
    return attrs.make_class("Renamed", made)


def _typed_dict(fields: dict[str, Any], has_defaults: bool) -> Any:
    make: Any = typing.TypedDict
    return make("Dict", fields, total=not has_defaults)


Make = Callable[..., Any]
RECORDS: list[tuple[Make, dict[str, Any]]] = [
    (_attrs_class, {}),
    (_attrs_class, {"slots": True, "frozen": True}),
    (_attrs_class, {"slots": True, "weakref_slot": False}),
    (_data_class, {}),
    (_data_class, {"slots": True, "frozen": True}),
    (_data_class, {"kw_only": True}),
    (_data_class_of_plain_defaults, {}),
    (_typed_dict, {}),
    (_renamed, {}),
]


def _record(how: tuple[Make, dict[str, Any]], fields: dict[str, Kind], optional: bool) -> Kind:
    make, options = how
    target = make({name: of.type for name, of in fields.items()}, optional, **options)
    members = [st.tuples(quoted([name]), of.documents) for name, of in fields.items()]
    documents = st.tuples(*members).flatmap(st.permutations)
    is_plain = make is not _renamed and all(name.isascii() for name in fields)
    is_straight = is_plain and all(of.is_straight for of in fields.values())
    return Kind(target, documents.map(lambda items: Members(tuple(items))), is_straight)


kinds = st.recursive(
    st.sampled_from(LEAVES) | st.sampled_from([*LEAVES, *OTHERS]), extended, max_leaves=6
)

DEEP = b"[" * 70 + b"]" * 70
junk = st.one_of(
    texts,
    integers,
    floats,
    booleans,
    nulls,
    quoted([*ODD_TEXTS, *MOMENTS, *DATES, *TIMES, *DURATIONS, *UUIDS, *DECIMALS]),
    st.sampled_from([[], Members(()), [b"1", [b"2"]], Members(((b'"a"', b"1"), (b'"a"', b'"b"')))]),
    st.sampled_from(
        [
            *[
                b"1e999",
                b"-1e999",
                b"9" * 4300,
                b"-" + b"9" * 4300,
                b"9" * 4301,
                DEEP,
                b'{"a":' * 64,
            ],
            *[
                b"NaN",
                b"-Infinity",
                b"01",
                b"1.",
                b".5",
                b"+1",
                b"nul",
                b"'a'",
                b"",
                b"[1,]",
                b"{a:1}",
            ],
            *[rb'"\ud800"', rb'"\udc00\ud800 and more"', rb'"\ud83d\ude00"', rb'"\x"', rb'"\u12"'],
            *[b'"\xff"', b'"\xed\xa0\x80"', b'"\t"', b'"', b'{"\xff": 1}', rb'{"\ud800": 1}'],
            *[
                b"\xef\xbb\xbf1",
                b'"\xc3"',
                b"1 2",
                b"// 1",
                b"\x00",
                b"[" * 70,
                b"-",
                b"1e",
                b"1e+5",
            ],
        ]
    ),
)


def changed(draw: st.DrawFn, document: Any) -> Any:
    """The document with one thing changed in it, wherever."""
    if isinstance(document, list) and document and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(document) - 1))
        return [*document[:place], changed(draw, document[place]), *document[place + 1 :]]
    if isinstance(document, Members) and draw(st.integers(0, 3)):
        items = list(document.items)
        place = draw(st.integers(0, len(items)))
        if place == len(items):
            return Members((*items, (draw(quoted(["more", "a", "id", "version"])), draw(junk))))
        name, value = items[place]
        instead = draw(st.sampled_from(["value", "value", "value", "nothing", "twice", "name"]))
        if instead == "value":
            items[place] = (name, changed(draw, value))
        elif instead == "nothing":
            del items[place]
        elif instead == "twice":
            items.insert(place + 1, (name, changed(draw, value)))
        else:
            items[place] = (draw(quoted(["a", "more", "é"]) | st.just(b"1")), value)
        return Members(tuple(items))
    return draw(junk)


@st.composite
def events(draw: st.DrawFn, of: Kind) -> tuple[bytes, bool]:
    """An event, and whether it fits the type."""
    items: list[tuple[bytes, Any]] = [
        (b'"event_type"', draw(st.sampled_from([b'"order.paid"', rb'"order\u002epaid"']))),
        (draw(quoted(["payload"])), draw(of.documents)),
    ]
    if draw(st.booleans()):
        items.append((b'"timestamp"', draw(quoted(MOMENTS))))
    if draw(st.booleans()):
        names = quoted(["id", "source", "trace"])
        metadata = draw(st.lists(st.tuples(names, texts), max_size=3))
        items.append((b'"metadata"', Members(tuple(metadata))))
    if draw(st.booleans()):
        items.append((b'"more"', [b"1", Members(())]))
    event: Any = Members(tuple(draw(st.permutations(items))))
    changes = draw(st.sampled_from([0, 1, 1, 1, 1, 2]))
    for _ in range(changes):
        event = changed(draw, event)
    data = written(event)
    if changes and not draw(st.integers(0, 9)):
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(
            st.sampled_from([b"", b"\xff", b"\\", b'"', b"}", b"\x00", b","])
        )
        data += b"" if draw(st.booleans()) else written(event)[place + 1 :]
    return data, not changes


OVER = ("nested deeper", "beyond any float", "digits")


def without_what_is_over(data: bytes) -> bytes:
    """The event with nothing in it over a limit."""

    def flattened(tree: Any, depth: int) -> Any:
        if isinstance(tree, dict):
            return {n: flattened(v, depth + 1) for n, v in tree.items()} if depth < 64 else 0
        if isinstance(tree, list):
            return [flattened(item, depth + 1) for item in tree] if depth < 64 else 0
        return 0 if tree in (float("inf"), float("-inf")) else tree

    def integer(digits: str) -> int:
        return int(digits) if len(digits.lstrip("-")) <= 4300 else 0

    return json.dumps(flattened(json.loads(data, parse_int=integer), 0)).encode()


async def assert_one_meaning(ways: ThreeWays, data: bytes) -> Status:
    plain, general, straight = await ways.process(data)

    assert outcome(plain) == outcome(general)
    is_over = isinstance(plain.error, MalformedEvent) and any(o in str(plain.error) for o in OVER)
    if is_over and straight.status is Status.HANDLED:  # in a member that was skipped
        other = await ways.plain.process(without_what_is_over(data))
        assert shown(straight.handlers[0].value) == shown(other.handlers[0].value)
        assert straight.event is not None
        assert straight.event.type == TYPE
    else:
        assert outcome(plain) == outcome(straight)
    return straight.status


@given(st.data())
@settings(max_examples=100)
def test_an_event_means_the_same_however_it_is_read(data: st.DataObject) -> None:
    of = data.draw(kinds)
    ways = ThreeWays(of.type)
    drawn = data.draw(st.lists(events(of), min_size=6, max_size=6))

    async def compare() -> None:
        for raw_event, fits in drawn:
            status = await assert_one_meaning(ways, raw_event)
            if fits:
                assert status is Status.HANDLED
                assert not of.is_straight or ways.is_straight(raw_event)

    anyio.run(compare)


# What is skipped


@frozen
class Paid:
    cents: int


@frozen
class Refunded:
    cents: int = attrs.field(converter=int)


SKIPPED = {
    "nested too deep": b"[" * 70 + b"]" * 70,
    "nested much too deep": b'{"a": [' * 300 + b"]}" * 300,
    "a number beyond any float": b"[1e999, -1e999]",
    "an integer of too many digits": b"-" + b"9" * 5000,
}


@pytest.mark.anyio
@pytest.mark.parametrize("target", [Paid, Refunded])
@pytest.mark.parametrize("where", ["payload", "event"])
@pytest.mark.parametrize("name", SKIPPED)
async def test_what_is_skipped_may_be_over_a_limit(target: Any, where: str, name: str) -> None:
    """It costs no more than its bytes, which are bounded, and nobody asked for it."""
    skipped = b'"more": %s' % SKIPPED[name]
    payload = b'{"cents": 5%s}' % (b", " + skipped if where == "payload" else b"")
    event = raw_of(payload) if where == "payload" else raw_of(payload)[:-1] + b", " + skipped + b"}"
    plain, general, straight = await ThreeWays(target).process(event)

    assert plain.status is general.status is Status.MALFORMED
    assert straight.status is Status.HANDLED
    assert straight.handlers[0].value == target(5)
    assert straight.event is not None
    assert straight.event.payload["cents"] == 5
    assert "more" in (straight.event.payload if where == "payload" else straight.event.extensions)


def deeper_in_the_stack(frames: int, act: Callable[[], Any]) -> Any:
    return act() if not frames else deeper_in_the_stack(frames - 1, act)


@pytest.mark.anyio
async def test_an_event_can_be_looked_at_wherever_the_stack_is_deep() -> None:
    data = raw_of(b'{"cents": 5, "more": %s, "last": 1}' % SKIPPED["nested much too deep"])
    _, _, straight = await ThreeWays(Paid).process(data)
    event = deeper_in_the_stack(600, lambda: straight.event)

    assert event.payload["last"] == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "skipped",
    [b'"\xff"', b'{"\xff": 1}', rb'"\ud800"', rb'{"\ud800 and more": 1}', b"01", b'"\n"', b"NaN"],
)
async def test_what_is_skipped_must_be_json_in_utf8(skipped: bytes) -> None:
    ways = ThreeWays(Paid)

    assert await assert_one_meaning(ways, raw_of(b'{"cents": 5, "more": %s}' % skipped)) is (
        Status.MALFORMED
    )


@pytest.mark.anyio
@pytest.mark.parametrize(
    "parts",
    [
        b'"event_type": "order.paid", "event_type": "order.paid", "payload": {"cents": 5}',
        b'"event_type": "order.lost", "event_type": "order.paid", "payload": {"cents": 5}',
        b'"event_type": "order.paid", "event_type": "order.lost", "payload": {"cents": 5}',
        b'"event_type": "order.paid", "payload": {"cents": 4}, "payload": {"cents": 5}',
        b'"event_type": "order.paid", "payload": {"cents": "4"}, "payload": {"cents": 5}',
        b'"event_type": "order.paid", "payload": {"cents": 4, "cents": 5}',
        b'"payload": {"cents": 5}, "event_type": "order.paid"',
        b'"event_type": null, "payload": {"cents": 5}',
        b'"event_type": "", "payload": {"cents": 5}',
        b'"event_type": ["order.paid"], "payload": {"cents": 5}',
        b'"payload": {"cents": 5}',
        b'"event_type": "order.paid"',
        *(
            b'"event_type": "order.paid", "payload": {"cents": 5}, "%s": %s' % (name, value)
            for name, values in {
                b"timestamp": [b"null", b"5", b'"2024-08-20"', b'"2024-08-20t05:21:19.5z"'],
                b"metadata": [b"null", b"[]", b'{"a": 1}', b'{"version": ""}', b'{"version": "2"}'],
                b"event_type": [b"null"],
            }.items()
            for value in values
        ),
        b'"event_type": "order.paid", "payload": {"cents": 5}, "metadata": {"version": "%s"}'
        % (b"2" * 300),
    ],
)
async def test_the_parts_of_an_event_mean_the_same(parts: bytes) -> None:
    ways = ThreeWays(Paid)
    await ways.process(raw_of(b'{"cents": 1}'))

    await assert_one_meaning(ways, b"{%s}" % parts)


@pytest.mark.anyio
async def test_made_up_versions_mean_the_same_and_are_not_all_remembered() -> None:
    ways = ThreeWays(Paid)
    event = raw_of(b'{"cents": 5}')[:-1] + b', "metadata": {"version": "%d"}}'
    for version in range(300):
        assert await assert_one_meaning(ways, event % version) is Status.HANDLED

    assert ways.is_straight(event % 0)
    assert not ways.is_straight(event % 299)


# The tree


parse = msgspec.json.Decoder().decode


def tree_of(data: bytes, limits: Limits, parse: Any = None) -> Any:
    try:
        return shown(decode(data, limits, parse))
    except MalformedEvent as error:
        return type(error), str(error)


trees = st.recursive(
    junk, lambda inner: st.lists(inner, max_size=3) | _objects(Kind(Any, inner)), max_leaves=8
)


@given(trees.map(written) | st.binary(max_size=20), st.data())
@settings(max_examples=600)
def test_msgspec_parses_what_the_standard_library_does(data: bytes, cut: st.DataObject) -> None:
    limits = Limits(max_depth=cut.draw(st.sampled_from([3, 64])))
    for raw_tree in (data, b" %s\n" % data, data[: cut.draw(st.integers(0, len(data)))]):
        assert tree_of(raw_tree, limits, parse) == tree_of(raw_tree, limits)


digits = st.integers(0, 10**40).map(str)
numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    digits,
    st.just("") | digits.map(".{}".format),
    st.just("") | st.integers(-400, 400).map("e{:+}".format),
)


@given(numbers.map(str.encode))
@settings(max_examples=600)
def test_msgspec_reads_numbers_as_the_standard_library_does(number: bytes) -> None:
    assert tree_of(number, Limits(), parse) == tree_of(number, Limits())


@pytest.mark.parametrize("digits", [18, 19, 20, 21, 38, 309, 4299, 4300, 4301])
@pytest.mark.parametrize("sign", [b"", b"-"])
def test_msgspec_reads_long_integers_as_the_standard_library_does(digits: int, sign: bytes) -> None:
    for first in (b"1", b"9"):
        number = sign + first * digits
        assert tree_of(number, Limits(), parse) == tree_of(number, Limits())
        assert tree_of(number + b".5", Limits(), parse) == tree_of(number + b".5", Limits())


@pytest.mark.parametrize("near", [2**53, 2**63, 2**64, 10**18, 10**19])
def test_msgspec_reads_integers_at_the_edges_alike(near: int) -> None:
    for number in (near - 1, near, near + 1, -near - 1, -near, -near + 1):
        for form in (b"%d", b"%d.0", b"%de0"):
            assert tree_of(form % number, Limits(), parse) == tree_of(form % number, Limits())
