"""What msgspec reads straight into a class is what cattrs builds, and is left to cattrs else."""

from __future__ import annotations

import dataclasses
import functools
import sys
from abc import ABC, abstractmethod
from dataclasses import InitVar, dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Annotated, Any, Generic, Literal, NewType, NotRequired, TypedDict, TypeVar
from uuid import UUID

import attrs
import pytest
from attrs import define, field, frozen
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override
from cattrs.preconf.json import make_converter as make_json_converter
from typing_extensions import TypeAliasType

from eventrouter import Limits, Router, make_converter
from eventrouter.payload import PayloadConverter, make_builder
from eventrouter.straight import way_of
from tests.three_ways import ThreeWays, outcome, raw_of, shown

pytest.importorskip("msgspec")

import msgspec
import pydantic

T = TypeVar("T")
MADE_BY_HAND = "an __init__ of its own"


ways_of = functools.lru_cache(maxsize=2)(ThreeWays)


async def read(
    target: Any, payload: bytes, converter: Converter | None = None
) -> tuple[str, str, Any]:
    """How it is read, what became of it, and the payload: the same in all three ways."""
    ways = ways_of(target, converter)
    plain, general, straight = await ways.process(raw_of(payload))

    assert outcome(plain) == outcome(general) == outcome(straight)
    value = straight.handlers[0].value if straight.handlers else None
    return ways.way(), straight.status.value, value


async def reads_straight(target: Any, payload: bytes, converter: Converter | None = None) -> Any:
    """The payload, which msgspec alone must have read."""
    way, status, value = await read(target, payload, converter)

    assert (way, status) == ("msgspec", "handled")
    ways = ways_of(target, converter)
    assert ways.is_straight(raw_of(payload))
    return value


async def is_left_to_cattrs(
    target: Any, payload: bytes, why: str, converter: Converter | None = None
) -> Any:
    """The payload, which cattrs must have built, for that reason."""
    way, status, value = await read(target, payload, converter)

    assert why in (way or reason_of(target, converter))
    assert way != "msgspec"
    assert status == "handled"
    return value


def reason_of(target: Any, converter: Converter | None) -> str:
    builder = make_builder(target, PayloadConverter(converter or make_converter()))
    return str(way_of(builder, msgspec, Limits()))


async def refuses(target: Any, payload: bytes, converter: Converter | None = None) -> None:
    """All ways refuse the payload, for the same reasons."""
    _, status, _ = await read(target, payload, converter)

    assert status == "invalid"


# Scalars


NUMBERS = [b"1", b"-0", b"1.0", b"1e3", b"-0.0", b"0.1", b"1e-400", b"9007199254740993", b"true"]
NUMBERS += [b"%d" % (2**63), b"%d" % (2**64), b"-%d" % (2**64), b"1" + b"0" * 400, b"9" * 4300]
NUMBERS += [b"-" + b"9" * 4300, b"9" * 4301, b"1e999", b"123456789012345678901234567890.5"]


@pytest.mark.anyio
@pytest.mark.parametrize("target", [int, float, bool, Decimal, str, Literal[1], int | None])
async def test_numbers_are_read_alike(target: Any) -> None:
    for number in NUMBERS:
        await read(target, number)


@pytest.mark.anyio
async def test_a_whole_float_is_no_integer() -> None:
    await refuses(int, b"1.0")
    assert shown(await reads_straight(float, b"1")) == (float, "1.0")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "text",
    [
        "2024-08-20T05:21:19Z",
        "2024-08-20t05:21:19z",
        "2024-08-20T05:21:19.123456789Z",
        "2024-08-20T05:21:19.999999999Z",
        "2024-08-20T05:21:19+05:30",
        "2024-08-20T05:21:19.5-00:00",
    ],
)
async def test_a_moment_is_read_alike(text: str) -> None:
    assert isinstance(await reads_straight(datetime, b'"%s"' % text.encode()), datetime)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "text",
    [
        "2024-08-20",
        "2024-08-20T05:21:19",
        "2024-08-20 05:21:19Z",
        "2024-08-20T24:00:00Z",
        "2024-08-20T05:21:60Z",
        "2024-08-20T05:21Z",
        "2024-08-20T05:21:19,5Z",
        "2024-08-20T05:21:19+0530",
        "0001-01-01T00:00:00+01:00",
    ],
)
async def test_what_is_no_moment_is_refused_alike(text: str) -> None:
    await refuses(datetime, b'"%s"' % text.encode())
    await refuses(datetime, b"1724131279")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("target", "texts"),
    [
        (date, "2024-08-20 2024-02-30 0000-01-01 20240820 2024-8-20 2024-08-20T00:00:00Z ''"),
        (time, "05:21:19 05:21:19Z 05:21:19.123456789z 05:21 24:00:00 052119 05:21:19+05:30"),
        (timedelta, "P1D PT1.5S P1W2D -PT1H P1Y PT P P1DT2H3M4.123456789S P99999999999D pt1s"),
        (Decimal, "1 1.50 -0 +.5 1. 1e5 1E+999999 1e9999999 NaN Infinity 1_0 \u0661 0x1"),
    ],
)
async def test_texts_are_read_alike(target: Any, texts: str) -> None:
    for text in [*texts.split(), " 1", "", "1\n"]:
        await read(target, b'"%s"' % text.replace("\n", r"\n").encode())


@pytest.mark.anyio
async def test_a_uuid_is_read_alike() -> None:
    text = "12345678-1234-5678-ABcd-567812345678"
    forms = [text, text.replace("-", ""), text.replace("-", "", 1), f"{{{text}}}", text[:-1]]
    for form in [*forms, f"urn:uuid:{text}", text.replace("-", "", 3), f" {text}"]:
        await read(UUID, b'"%s"' % form.encode())
    assert await reads_straight(UUID, b'"%s"' % text.encode()) == UUID(text)


@pytest.mark.anyio
async def test_bytes_are_base64_and_left_to_cattrs() -> None:
    assert await is_left_to_cattrs(bytes, b'"aGk="', "bytes is read by cattrs") == b"hi"
    await refuses(bytes, b'"NM{c"')  # the same in base85


# Choices


class Color(Enum):
    RED = "red"
    CRIMSON = "red"  # noqa: PIE796
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Size(StrEnum):
    S = "s"


class Mixed(Enum):
    ONE = 1
    TWO = "two"
    NOTHING = None
    ALSO_ONE = True


class Tolerant(Enum):
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Tolerant:
        return cls.UNKNOWN


class Rights(Flag):
    READ = 1
    WRITE = 2


class Hidden(Enum):
    ONE = "one"

    @property
    def value(self) -> str:
        return "another"


CHOICES = [b'"red"', b'"RED"', b'"s"', b"1", b"2", b"3", b"1.0", b"true", b"null", b'"two"', b"[]"]


@pytest.mark.anyio
@pytest.mark.parametrize("target", [Color, Level, Size, Mixed, Tolerant, Rights, Hidden])
async def test_members_of_an_enum_are_told_alike(target: Any) -> None:
    for value in [*CHOICES, b'"one"', b'"another"', b"{}"]:
        await read(target, value)
        await read(target | None, value)


@pytest.mark.anyio
async def test_enums_are_read_straight() -> None:
    assert await reads_straight(Color, b'"red"') is Color.RED
    assert await reads_straight(Level, b"2") is Level.HIGH
    assert await reads_straight(Mixed, b"null") is Mixed.NOTHING
    assert await reads_straight(Tolerant, b'"?"') is Tolerant.UNKNOWN
    assert await reads_straight(Rights, b"3") == Rights.READ | Rights.WRITE
    assert await reads_straight(Hidden, b'"one"') is Hidden.ONE


@pytest.mark.anyio
@pytest.mark.parametrize(
    "target",
    [
        Literal["red"],
        Literal[1, "red"],
        Literal[True, 2],
        Literal[None, "two"],
        Literal[Color.RED, 1],
    ],
)
async def test_literals_are_told_alike(target: Any) -> None:
    for value in CHOICES:
        await read(target, value)
        await read(list[target], b"[%s]" % value)


# What is around a type


Cents = NewType("Cents", int)
Alias = TypeAliasType("Alias", list[Cents | None])


class Id(str): ...


@pytest.mark.anyio
@pytest.mark.parametrize(
    "target",
    [Cents, Annotated[int, msgspec.Meta(ge=100)], Annotated[Cents, "in euro"], Cents | None],
)
async def test_what_is_wrapped_is_read_as_what_it_is(target: Any) -> None:
    assert await reads_straight(target, b"5") == 5
    await refuses(target, b'"5"')


@pytest.mark.anyio
async def test_an_alias_is_read_as_what_it_stands_for() -> None:
    assert await reads_straight(Alias, b"[5, null]") == [5, None]


@pytest.mark.anyio
@pytest.mark.parametrize("target", [str | int, int | bool | None, str | bool])
async def test_a_union_of_kinds_of_json_is_told_alike(target: Any) -> None:
    for value in [b'"a"', b"1", b"1.0", b"true", b"null", b"[]"]:
        await read(target, value)


@frozen
class Card:
    number: str


@frozen
class Cash:
    cents: int


@pytest.mark.anyio
async def test_a_union_of_classes_is_told_apart_by_cattrs() -> None:
    built = await is_left_to_cattrs(Card | Cash, b'{"cents": 5}', "is told apart by cattrs")

    assert built == Cash(5)


@pytest.mark.anyio
async def test_a_subclass_of_text_is_left_to_cattrs() -> None:
    assert type(await is_left_to_cattrs(Id, b'"a"', "Id is read by cattrs")) is Id


# Classes


@define
class Slotted:
    cents: int
    at: datetime | None = None


@define(slots=False)
class InDict:
    cents: int
    at: datetime | None = None


@frozen
class Frozen:
    cents: int
    at: datetime | None = None


@dataclass
class Data:
    cents: int
    at: datetime | None = None


@dataclass(slots=True)
class SlottedData:
    cents: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenData:
    cents: int
    at: datetime | None = None


@dataclass
class WithoutMoment:
    cents: int
    note: str | None = None
    tags: list[str] = dataclasses.field(default_factory=list)


CLASSES = [Slotted, InDict, Frozen, Data, SlottedData, FrozenData]


@frozen
class Nested:
    one: Slotted
    more: list[InDict]
    named: dict[str, Data]


@pytest.mark.anyio
@pytest.mark.parametrize("cls", CLASSES)
async def test_an_object_is_of_its_very_class(cls: Any) -> None:
    built = await reads_straight(cls, b'{"cents": 5, "at": "2024-08-20T05:21:19Z", "more": 1}')

    assert type(built) is cls
    assert built == cls(cents=5, at=built.at)
    assert isinstance(built.at, datetime)


@pytest.mark.anyio
@pytest.mark.parametrize("cls", [*CLASSES, WithoutMoment])
async def test_defaults_are_kept_where_init_keeps_them(cls: Any) -> None:
    built = await reads_straight(cls, b'{"cents": 5}')

    assert getattr(built, "__dict__", None) == getattr(cls(cents=5), "__dict__", None)
    await refuses(cls, b'{"at": null}')
    await refuses(cls, b'{"cents": 5.0}')
    await refuses(cls, b"[]")


@pytest.mark.anyio
async def test_nested_objects_are_of_their_very_classes() -> None:
    payload = b'{"one": {"cents": 1}, "more": [{"cents": 2}], "named": {"a": {"cents": 3}}}'
    built = await reads_straight(Nested, payload)

    assert type(built.one) is Slotted
    assert [type(item) for item in built.more] == [InDict]
    assert type(built.named["a"]) is Data


@pytest.mark.anyio
async def test_classes_of_a_function_are_read_straight() -> None:
    @frozen
    class Item:
        cents: Cents

    @dataclass
    class Order:
        items: tuple[Item, ...]

    Item.__annotations__, Order.__annotations__["items"] = {"cents": Cents}, tuple[Item, ...]
    assert await reads_straight(Order, b'{"items": [{"cents": 5}]}') == Order((Item(Cents(5)),))


@pytest.mark.anyio
async def test_a_default_is_made_anew() -> None:
    @frozen
    class Order:
        at: datetime | None = None
        tags: list[str] = field(factory=list)

    ways = ThreeWays(Order)
    first = (await ways.process(raw_of(b"{}")))[2].handlers[0].value
    second = (await ways.process(raw_of(b"{}")))[2].handlers[0].value

    assert first.tags is not second.tags
    await reads_straight(Order, b"{}")


@define
class Base:
    id: str


@define
class Derived(Base):
    cents: int


@define
class DerivedWithMoment(Base):
    at: datetime


@define(slots=False)
class InDictBase:
    id: str = "none"


@define(slots=False)
class InDictDerived(InDictBase):
    at: datetime | None = None


@pytest.mark.anyio
async def test_an_inherited_field_is_read() -> None:
    assert await reads_straight(Derived, b'{"id": "a", "cents": 5}') == Derived("a", 5)
    assert type(await reads_straight(InDictDerived, b'{"id": "a"}')) is InDictDerived


@pytest.mark.anyio
async def test_an_object_with_slots_of_two_classes_can_t_turn_into_another() -> None:
    payload = b'{"id": "a", "at": "2024-08-20T05:21:19Z", "skipped": [1]}'
    built = await is_left_to_cattrs(DerivedWithMoment, payload, "would be noticed")

    assert type(built) is DerivedWithMoment


class Page(TypedDict, Generic[T]):
    items: list[T]


@frozen
class Shelf(Generic[T]):
    items: list[T]


@frozen
class IntShelf(Shelf[int]): ...


@pytest.mark.anyio
async def test_a_generic_class_is_left_to_cattrs() -> None:
    assert await is_left_to_cattrs(Shelf[int], b'{"items": [1]}', "is generic") == Shelf([1])
    await refuses(Shelf[int], b'{"items": ["1"]}')
    await refuses(IntShelf, b'{"items": ["1"]}')
    assert await read(IntShelf, b'{"items": [1]}') == ("msgspec", "handled", IntShelf([1]))


@frozen
class Category:
    name: str
    parts: list[Category] = field(factory=list)


@pytest.mark.anyio
async def test_a_class_inside_itself_is_left_to_cattrs() -> None:
    payload = b'{"name": "a", "parts": [{"name": "b"}]}'
    built = await is_left_to_cattrs(Category, payload, "stands inside itself")

    assert built == Category("a", [Category("b")])


@pytest.mark.anyio
async def test_a_class_that_stands_in_many_places_is_looked_at_once() -> None:
    cls: Any = Slotted
    for _ in range(30):  # in over a milliard places, in the end
        fields = {"one": field(type=cls, default=None), "other": field(type=cls, default=None)}
        cls = attrs.make_class("Pair", fields, class_body={"__module__": __name__})

    await reads_straight(cls, b'{"one": {"other": {}}}')


class Patch(TypedDict):
    id: str
    at: NotRequired[datetime]


class Partial(TypedDict, total=False):
    id: str
    level: Level


@pytest.mark.anyio
@pytest.mark.parametrize("target", [Patch, Partial])
async def test_a_typed_dict_is_read_alike(target: Any) -> None:
    values = (b'"a"', b"1", b'"2024-08-20T05:21:19Z"', b"null")
    members = [b'"%s": %s' % (n, v) for n in (b"id", b"at", b"level", b"more") for v in values]
    for one in members:
        for other in members:
            await read(target, b"{%s, %s}" % (one, other))


@pytest.mark.anyio
async def test_a_typed_dict_has_its_members_in_the_order_of_the_json() -> None:
    payload = b'{"more": 1, "level": 1, "id": "a"}'

    assert list(await reads_straight(Partial, payload)) == ["level", "id"]


# What is not what its fields make it


def shout(text: str) -> str:
    return text.upper()


@pytest.mark.anyio
async def test_a_converter_of_a_field_is_run() -> None:
    @frozen
    class Order:
        id: str = field(converter=shout)

    built = await is_left_to_cattrs(Order, b'{"id": "a"}', "Order.id has a converter")
    assert built.id == "A"


@pytest.mark.anyio
async def test_a_field_that_is_no_argument_is_not_read() -> None:
    @define
    class Order:
        id: str
        total: int = field(init=False, default=0)

    @dataclass
    class DataOrder:
        id: str
        total: int = dataclasses.field(init=False, default=0)

    for cls in (Order, DataOrder):
        built = await is_left_to_cattrs(cls, b'{"id": "a", "total": 5}', "is no argument of")
        assert built.total == 0


@pytest.mark.anyio
async def test_another_name_in_json_counts() -> None:
    @frozen
    class Order:
        id: str = field(alias="orderId")
        _secret: str = "none"

    payload = b'{"orderId": "a", "secret": "s", "id": "b", "_secret": "t", "more": 1}'
    built = await is_left_to_cattrs(Order, payload, "has another name in JSON")
    assert built == Order("a", "s")


@pytest.mark.anyio
async def test_names_beyond_ascii_are_found() -> None:
    name = "".join(["stra", chr(0xDF), "e"])  # made anew, as msgspec may know another one
    for cls in (
        attrs.make_class("Address", {name: field(type=str, default=None)}),
        dataclasses.make_dataclass("Address", [(name, str, "none")]),
        TypedDict("Address", {name: NotRequired[str]}),  # type: ignore[operator]
    ):
        built = await is_left_to_cattrs(cls, b'{"%s": "a"}' % name.encode(), "by its name")
        assert (built[name] if isinstance(built, dict) else getattr(built, name)) == "a"


@pytest.mark.anyio
async def test_an_annotated_name_in_json_counts() -> None:
    @frozen
    class Order:
        id: Annotated[str, override(rename="order-id")]

    class OrderDict(TypedDict):
        id: Annotated[str, override(rename="order-id")]

    Order.__annotations__["id"] = Annotated[str, override(rename="order-id")]
    for cls in (Order, OrderDict):
        await is_left_to_cattrs(cls, b'{"order-id": "a", "id": 1}', "has another name in JSON")
        await refuses(cls, b'{"id": "a"}')


@pytest.mark.anyio
async def test_an_init_of_its_own_is_run() -> None:
    @define(init=False)
    class Order:
        cents: int

        def __init__(self, cents: int) -> None:
            self.cents = cents + 1

    @dataclass(init=False)
    class DataOrder:
        cents: int

        def __init__(self, cents: int) -> None:
            self.cents = cents + 1

    for cls in (Order, DataOrder):
        assert (await is_left_to_cattrs(cls, b'{"cents": 1}', MADE_BY_HAND)).cents == 2


@pytest.mark.anyio
@pytest.mark.parametrize("file", ["<stdin>", "<string>", "<ipython-input-1>"])
async def test_an_init_of_its_own_is_run_in_a_console(file: str) -> None:
    source = "def __init__(self, cents):\n    self.cents = cents + 1"
    names: dict[str, Any] = {}
    exec(compile(source, file, "exec"), names)

    @define(init=False)
    class Order:
        cents: int
        __init__ = names["__init__"]

    assert (await is_left_to_cattrs(Order, b'{"cents": 1}', MADE_BY_HAND)).cents == 2


@pytest.mark.anyio
async def test_an_init_put_around_the_generated_one_is_run() -> None:
    @define
    class Order:
        cents: int

    generated = Order.__init__

    @functools.wraps(generated)
    def around(self: Any, cents: int) -> None:
        generated(self, cents + 1)

    Order.__init__ = around  # type: ignore[method-assign]
    assert (await is_left_to_cattrs(Order, b'{"cents": 1}', MADE_BY_HAND)).cents == 2


@pytest.mark.anyio
async def test_a_new_of_its_own_is_run() -> None:
    @define(slots=False)
    class Order:
        cents: int

        def __new__(cls, cents: int) -> Any:
            made = object.__new__(cls)
            made.__dict__["seen"] = True
            return made

    built = await is_left_to_cattrs(Order, b'{"cents": 1}', "in a way of its own")
    assert built.seen


class Counting(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        made.number = 7
        return made


@pytest.mark.anyio
async def test_a_metaclass_that_makes_objects_is_called() -> None:
    @dataclass
    class Order(metaclass=Counting):
        cents: int

    assert (await is_left_to_cattrs(Order, b'{"cents": 1}', "in a way of its own")).number == 7


class Shape(ABC):
    @abstractmethod
    def area(self) -> int: ...


@define(slots=False)
class Square(Shape):
    side: int

    def area(self) -> int:
        return self.side**2


@pytest.mark.anyio
async def test_a_metaclass_that_makes_none_is_no_matter() -> None:
    assert (await reads_straight(Square, b'{"side": 3}')).area() == 9


@pytest.mark.anyio
@pytest.mark.parametrize("slots", [True, False])
async def test_a_kept_hash_is_kept(slots: bool) -> None:
    @attrs.define(frozen=True, cache_hash=True, slots=slots)  # type: ignore[literal-required]
    class Order:
        cents: int

    built = await is_left_to_cattrs(Order, b'{"cents": 1}', "keeps its hash")
    assert hash(built) == hash(Order(1))


@pytest.mark.anyio
async def test_a_field_called_hash_keeps_nothing() -> None:
    @frozen
    class Block:
        hash: str

    assert await reads_straight(Block, b'{"hash": "a"}') == Block("a")


@pytest.mark.anyio
async def test_what_comes_before_init_is_run() -> None:
    @define
    class Order:
        cents: int
        seen: bool = False

        def __attrs_pre_init__(self) -> None:
            ran.append("before")

    ran: list[str] = []
    await is_left_to_cattrs(Order, b'{"cents": 1}', "in a way of its own")
    assert ran == ["before"] * 3  # once each way


@pytest.mark.anyio
async def test_what_comes_after_init_is_run_once_on_an_object_of_the_class() -> None:
    seen: list[Any] = []

    @frozen
    class Order:
        at: datetime

        def __attrs_post_init__(self) -> None:
            seen.append((type(self), self.at.year))

    @dataclass
    class DataOrder:
        at: datetime
        note: str = "none"

        def __post_init__(self) -> None:
            seen.append((type(self), self.at.year))

    for cls in (Order, DataOrder):
        way, status, _ = await read(cls, b'{"at": "2024-08-20T05:21:19Z"}')
        assert (way, status) == ("msgspec", "handled")
        assert seen == [(cls, 2024)] * 3  # once each way
        seen.clear()


@pytest.mark.anyio
async def test_what_comes_after_init_may_refuse() -> None:
    @dataclass
    class Order:
        cents: int

        def __post_init__(self) -> None:
            if self.cents < 0:
                raise KeyError("too few")

    await refuses(Order, b'{"cents": -1}')
    await reads_straight(Order, b'{"cents": 1}')


@pytest.mark.anyio
async def test_validators_are_run_on_an_object_of_the_class() -> None:
    seen: list[Any] = []

    def positive(instance: Any, attribute: Any, value: int) -> None:
        seen.append((type(instance), attribute.name))
        if value < 0:
            raise ValueError("negative")

    @frozen
    class Order:
        cents: int = field(validator=positive)
        at: datetime | None = None

    await refuses(Order, b'{"cents": -1}')
    assert set(seen) == {(Order, "cents")}
    await reads_straight(Order, b'{"cents": 1}')
    with attrs.validators.disabled():
        seen.clear()
        assert await reads_straight(Order, b'{"cents": -1}') == Order(-1)
        assert not seen


@pytest.mark.anyio
async def test_a_default_made_from_the_object_is_made() -> None:
    @define
    class Order:
        cents: int
        total: int = field()

        @total.default  # pyright: ignore
        def _total(self) -> int:
            return self.cents * 2

    built = await is_left_to_cattrs(Order, b'{"cents": 1}', "is made from the object")
    assert built.total == 2


@pytest.mark.anyio
async def test_a_setattr_of_its_own_is_run() -> None:
    class Setting:
        def __setattr__(self, name: str, value: Any) -> None:
            object.__setattr__(self, name, value + 1)

    @dataclass
    class Order(Setting):
        cents: int

    built = await is_left_to_cattrs(Order, b'{"cents": 1}', "a __setattr__ of its own")
    assert built.cents == 2


@pytest.mark.anyio
async def test_a_descriptor_of_a_field_is_asked() -> None:
    class Doubled:
        def __set__(self, instance: Any, value: int) -> None:
            instance.__dict__["cents"] = value * 2

    @dataclass
    class Order:
        cents: int

    Order.cents = Doubled()  # type: ignore[assignment]
    built = await is_left_to_cattrs(Order, b'{"cents": 1}', "set by a descriptor")
    assert vars(built) == {"cents": 2}


@pytest.mark.anyio
async def test_an_attribute_of_a_base_class_is_no_value() -> None:
    class Named:
        name = "nobody"

    @define(slots=False)
    class User(Named):
        name: str

    assert (await reads_straight(User, b'{"name": "a"}')).name == "a"
    await refuses(User, b"{}")


@pytest.mark.anyio
async def test_what_getattr_makes_up_is_no_value() -> None:
    class Lenient:
        def __getattr__(self, name: str) -> str:
            return "made up"

    @define(slots=False)
    class User(Lenient):
        name: str
        note: str = "none"

    assert vars(await reads_straight(User, b'{"name": "a"}')) == {"name": "a", "note": "none"}
    await refuses(User, b"{}")


@pytest.mark.anyio
async def test_del_sees_no_half_built_object() -> None:
    @dataclass
    class Order:
        cents: int

        def __del__(self) -> None:
            seen.append(self.cents)

    seen: list[int] = []
    await is_left_to_cattrs(Order, b'{"cents": 1}', "has a __del__")
    await refuses(Order, b'{"cents": "1"}')
    assert set(seen) <= {1}


@pytest.mark.anyio
async def test_an_init_without_some_of_the_fields_is_an_error_in_all_ways() -> None:
    @dataclass(init=False)
    class More(Data):
        more: int = 1

    await refuses(More, b'{"cents": 1, "more": 2}')


@pytest.mark.anyio
async def test_an_argument_that_is_no_field_is_asked_for_in_all_ways() -> None:
    @dataclass
    class Order:
        cents: int
        factor: InitVar[int] = 2

        def __post_init__(self, factor: int) -> None:
            self.cents *= factor

    Order.__annotations__["factor"] = InitVar[int]
    way, status, value = await read(Order, b'{"cents": 1, "factor": 5}')
    assert (way != "msgspec", status, value.cents) == (True, "handled", 2)


@pytest.mark.anyio
async def test_an_exception_is_made_by_its_init() -> None:
    @attrs.define(auto_exc=True)
    class Failed(Exception):
        code: int

    built = await is_left_to_cattrs(Failed, b'{"code": 5}', "in a way of its own")
    assert built.args == (5,)


# A class does not notice


@pytest.mark.anyio
async def test_nobody_notices_how_a_class_is_read() -> None:
    noticed: list[type] = []

    class Root:
        def __init_subclass__(cls) -> None:
            noticed.append(cls)

    @define
    class Slotted(Root):
        at: datetime

    @define(slots=False)
    class InDict(Root):
        at: datetime

    @dataclass(slots=True)
    class Data(Root):
        at: datetime

    noticed.clear()
    for cls in (Slotted, InDict, Data):
        _, status, built = await read(cls, b'{"at": "2024-08-20T05:21:19Z"}')

        assert status == "handled"
        assert type(built) is cls
        assert not noticed
        assert not cls.__subclasses__()
        assert "__msgspec_cache__" not in vars(cls)


@pytest.mark.anyio
async def test_a_class_with_slots_that_has_subclasses_gets_no_other() -> None:
    @define
    class Order:
        at: datetime

    @define
    class Express(Order):
        by: datetime

    payload = b'{"at": "2024-08-20T05:21:19Z", "by": "2024-08-20T05:21:19Z"}'
    for cls in (Order, Express):
        assert type(await is_left_to_cattrs(cls, payload, "would be noticed")) is cls
    assert Order.__subclasses__()[-1] is Express


@pytest.mark.anyio
async def test_a_frozen_object_stays_frozen() -> None:
    built = await reads_straight(Frozen, b'{"cents": 5}')

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        built.cents = 6


# Hooks


def twice(value: Any, _: Any) -> Any:
    return value * 2


@frozen
class Priced:
    cents: Cents
    note: str | None = None


@pytest.mark.anyio
@pytest.mark.parametrize("target", [int, Cents, str | None, Priced])
async def test_a_hook_of_the_user_s_wins(target: Any) -> None:
    converter = make_converter()
    if target is Priced:
        converter.register_structure_hook(Priced, lambda value, _: Priced(value["cents"] * 2, "aa"))
    else:
        converter.register_structure_hook(target, twice)
    way, status, built = await read(Priced, b'{"cents": 5, "note": "a"}', converter)

    assert way != "msgspec"
    assert status == "handled"
    assert built != Priced(Cents(5), "a")


UserId = NewType("UserId", str)


@pytest.mark.anyio
async def test_a_hook_for_names_of_members_wins() -> None:
    converter = make_converter()
    converter.register_structure_hook(UserId, lambda value, _: UserId(value.upper()))
    why = "UserId has a hook of its own"

    assert await is_left_to_cattrs(dict[UserId, int], b'{"a": 1}', why, converter) == {"A": 1}
    assert await reads_straight(dict[UserId, int], b'{"a": 1}') == {"a": 1}


@pytest.mark.anyio
async def test_a_hook_that_looks_like_the_one_it_wraps_wins() -> None:
    for target in (int, Priced):
        converter = make_converter()
        inner = converter.copy(detailed_validation=False).get_structure_hook(target)

        @functools.wraps(inner)
        def hook(value: Any, type_: Any, inner: Any = inner) -> Any:
            changed = 7 if value == 5 else {"cents": 7}
            return inner(changed, type_)

        converter.register_structure_hook(target, hook)
        built = await is_left_to_cattrs(Priced, b'{"cents": 5}', "a hook of its own", converter)
        assert built.cents == 7


@pytest.mark.anyio
async def test_a_hook_factory_of_the_user_s_wins() -> None:
    converter = make_converter()
    converter.register_structure_hook_factory(
        lambda target: target is Priced,
        lambda target: make_dict_structure_fn(target, converter, cents=override(rename="c")),
    )
    built = await is_left_to_cattrs(Priced, b'{"c": 5}', "a hook of its own", converter)

    assert built == Priced(Cents(5))


@pytest.mark.anyio
async def test_a_converter_of_the_user_s_own_builds() -> None:
    built = await is_left_to_cattrs(Priced, b'{"cents": "5"}', "hook of its own", Converter())

    assert built == Priced(Cents(5))
    await is_left_to_cattrs(Priced, b'{"cents": "5"}', "hook of its own", make_json_converter())


@pytest.mark.anyio
async def test_other_members_are_refused_if_asked_for() -> None:
    converter = make_converter(forbid_extra_keys=True)

    await refuses(Slotted, b'{"cents": 5, "more": 1}', converter)
    await is_left_to_cattrs(Slotted, b'{"cents": 5}', "asks for all members", converter)


@pytest.mark.anyio
async def test_a_copy_that_does_not_use_aliases_is_minded() -> None:
    @frozen
    class Order:
        id: str = field(alias="orderId")

    converter = make_converter().copy()
    converter.use_alias = False
    await read(Order, b'{"id": "a"}', converter)
    await read(Order, b'{"orderId": "a"}', converter)


# Classes that build themselves


@pydantic.dataclasses.dataclass
class Validated:
    id: str = pydantic.Field(alias="orderId")


class Model(pydantic.BaseModel):
    id: str


class Struct(msgspec.Struct, rename="upper"):
    id: str


@frozen
class Holding:
    one: Validated
    note: str = ""


@pytest.mark.anyio
async def test_what_builds_itself_is_given_all_its_members() -> None:
    for target in (Model, Struct):
        _, status, _ = await read(target, b'{"id": "a", "ID": "b"}')
        assert status == "handled"
    payload = b'{"one": {"orderId": "a"}}'
    built = await is_left_to_cattrs(Holding, payload, "builds itself")
    assert built.one.id == "a"


# Nothing is remembered by accident


@pytest.mark.anyio
async def test_a_class_that_msgspec_has_read_before_is_read_the_strict_way() -> None:
    @define(slots=False)
    class Order:
        at: datetime

    Order.__annotations__["at"] = datetime
    msgspec.json.decode(b'{"at": "2024-08-20T05:21:19"}', type=Order)
    await refuses(Order, b'{"at": "2024-08-20T05:21:19"}')


def test_a_router_without_msgspec_has_no_reader() -> None:
    router = Router()
    assert router._dispatcher()._straight is not None
    assert "msgspec" in sys.modules
