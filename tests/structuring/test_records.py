"""Classes with named fields: attrs, dataclass, TypedDict and NamedTuple."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections import namedtuple
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import pytest
from attrs import define, field, frozen, validators
from cattrs import Converter, StructureHandlerNotFoundError, override
from typing_extensions import ReadOnly
from typing_extensions import TypedDict as ExtendedTypedDict

from eventrouter import make_converter
from tests.structuring import postponed, quoted
from tests.structuring.converters import mismatches, refuses

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


@frozen
class Item:
    sku: str
    count: int = 1


@dataclass
class Address:
    city: str
    lines: list[str] = dataclasses.field(default_factory=list)


class Contact(TypedDict):
    mail: str
    phone: NotRequired[str]


class Size(NamedTuple):
    width: int
    height: int = 1


@frozen
class Order:
    items: list[Item]
    address: Address
    contact: Contact
    size: Size
    placed: date


def test_records_of_all_kinds_nest(converter: Converter) -> None:
    order = converter.structure(
        {
            "items": [{"sku": "a"}, {"sku": "b", "count": 2}],
            "address": {"city": "Ulm", "lines": ["1"]},
            "contact": {"mail": "a@b", "phone": "1"},
            "size": {"width": 3},
            "placed": "2024-08-20",
        },
        Order,
    )

    assert order == Order(
        [Item("a"), Item("b", 2)],
        Address("Ulm", ["1"]),
        {"mail": "a@b", "phone": "1"},
        Size(3, 1),
        date(2024, 8, 20),
    )


@pytest.mark.parametrize("target", [Item, Address, Contact, Size])
def test_members_that_a_record_does_not_declare_are_dropped(
    target: Any, converter: Converter
) -> None:
    payload = {"sku": "a", "city": "Ulm", "mail": "a@b", "width": 1, "more": [1]}

    assert "more" not in converter.unstructure(converter.structure(payload, target))


@pytest.mark.parametrize("target", [Item, Address, Contact, Size])
@pytest.mark.parametrize("value", [None, 1, "sku", [], ["sku"], True, {}])
def test_only_an_object_with_the_required_members_is_a_record(
    target: Any, value: Any, converter: Converter
) -> None:
    assert refuses(converter, value, target)


# attrs


@frozen(kw_only=True)
class KeywordOnly:
    a: int
    b: int = 2


def test_keyword_only_fields_of_attrs_are_built(converter: Converter) -> None:
    assert converter.structure({"a": 1}, KeywordOnly) == KeywordOnly(a=1, b=2)


@define
class Counted:
    a: int
    seen: int = field(init=False, default=7)
    cache = field(init=False, factory=list)  # type: ignore[var-annotated]


def test_fields_that_init_does_not_take_are_left_alone(converter: Converter) -> None:
    counted = converter.structure({"a": 1, "seen": 9, "cache": 1}, Counted)

    assert (counted.seen, counted.cache) == (7, [])


def positive(number: int) -> int:
    return abs(number)


@frozen
class Total:
    cents: int = field(converter=positive)
    tags: list[str] = field(factory=list)


def test_a_converter_of_attrs_runs_after_the_type_was_checked(converter: Converter) -> None:
    assert converter.structure({"cents": -5}, Total) == Total(5)


def test_a_converter_of_attrs_does_not_make_up_for_a_wrong_type() -> None:
    assert mismatches({"cents": "-5"}, Total) == ['$.cents: expected integer, got string "-5"']


@frozen
class Price:
    cents: int = field(validator=validators.ge(0))


def test_a_validator_of_attrs_is_heard(converter: Converter) -> None:
    assert converter.structure({"cents": 0}, Price) == Price(0)
    assert refuses(converter, {"cents": -1}, Price)


@frozen
class Private:
    _token: str
    kind_: str = field(alias="type")


def test_a_field_is_named_by_its_alias(converter: Converter) -> None:
    built = converter.structure({"token": "t", "type": "k"}, Private)

    assert built == Private("t", "k")
    assert converter.unstructure(built) == {"token": "t", "type": "k"}


@frozen
class Renamed:
    from_: Annotated[str, override(rename="from")]
    secret: Annotated[int, override(omit=True)] = 0


def test_a_field_is_named_by_an_override_in_its_annotation(converter: Converter) -> None:
    assert converter.structure({"from": "a", "secret": 3}, Renamed) == Renamed("a", 0)


def test_a_field_without_an_annotation_is_refused_at_registration() -> None:
    @frozen
    class Untyped:
        a = field()  # type: ignore[var-annotated]

    with pytest.raises(StructureHandlerNotFoundError, match="the field 'a' has no annotation"):
        make_converter().get_structure_hook(Untyped)


def test_an_abstract_class_is_refused_at_registration() -> None:
    @frozen
    class Shape(ABC):
        @abstractmethod
        def area(self) -> int: ...

    with pytest.raises(StructureHandlerNotFoundError, match="name its subclasses in a union"):
        make_converter().get_structure_hook(Shape)


def test_a_class_without_annotated_fields_is_refused_at_registration() -> None:
    class Plain:
        def __init__(self, a: int) -> None: ...

    with pytest.raises(StructureHandlerNotFoundError, match="use a class with annotated fields"):
        make_converter().get_structure_hook(Plain)


@frozen
class Base:
    a: int


@frozen
class Derived(Base):
    b: int = 0


def test_inherited_fields_are_built(converter: Converter) -> None:
    assert converter.structure({"a": 1, "b": 2}, Derived) == Derived(1, 2)


# dataclass


@dataclass(kw_only=True)
class KeywordOnlyData:
    a: int
    b: int = dataclasses.field(default=2, init=False)


def test_keyword_only_fields_of_a_dataclass_are_built(converter: Converter) -> None:
    assert converter.structure({"a": 1, "b": 9}, KeywordOnlyData) == KeywordOnlyData(a=1)


@dataclass(frozen=True, slots=True)
class Slotted:
    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("a is negative")


def test_what_runs_after_init_is_heard(converter: Converter) -> None:
    assert converter.structure({"a": 1}, Slotted) == Slotted(1)
    assert refuses(converter, {"a": -1}, Slotted)


# TypedDict

Headers = TypedDict("Headers", {"content type": str, "in": int, "x-id": NotRequired[str]})


def test_a_typed_dict_may_have_any_names(converter: Converter) -> None:
    payload = {"content type": "a", "in": 1, "x-id": "b"}

    assert converter.structure(payload, Headers) == payload


class Patch(TypedDict, total=False):
    id: int
    note: str


class FullPatch(Patch):
    by: str


def test_members_of_a_partial_typed_dict_may_be_absent(converter: Converter) -> None:
    assert converter.structure({}, Patch) == {}
    assert converter.structure({"note": "a"}, Patch) == {"note": "a"}


def test_a_typed_dict_that_inherits_a_partial_one_requires_its_own_only(
    converter: Converter,
) -> None:
    assert converter.structure({"by": "a"}, FullPatch) == {"by": "a"}
    assert refuses(converter, {"id": 1}, FullPatch)


class Extended(ExtendedTypedDict):
    id: ReadOnly[int]
    note: ReadOnly[NotRequired[str]]


def test_a_typed_dict_of_typing_extensions_is_built(converter: Converter) -> None:
    built: Any = converter.structure({"id": 1}, Extended)

    assert built == {"id": 1}


class RenamedDict(TypedDict):
    from_: Annotated[str, override(rename="from")]
    secret: Annotated[NotRequired[int], override(omit=True)]


def test_a_member_of_a_typed_dict_is_named_by_an_override(converter: Converter) -> None:
    built = converter.structure({"from": "a", "secret": 1}, RenamedDict)

    assert built == {"from_": "a"}
    assert converter.unstructure(built, RenamedDict) == {"from": "a"}


def test_a_typed_dict_is_a_copy(converter: Converter) -> None:
    payload = {"mail": "a@b"}

    assert converter.structure(payload, Contact) is not payload


# NamedTuple


def test_a_named_tuple_is_built_from_an_object_or_an_array(converter: Converter) -> None:
    assert converter.structure({"width": 2}, Size) == Size(2, 1)
    assert converter.structure([2], Size) == Size(2, 1)
    assert converter.structure([2, 3], Size) == Size(2, 3)


def test_a_named_tuple_is_not_built_from_an_array_of_another_length() -> None:
    assert mismatches([], Size) == ["$: expected array of 1 to 2, got array of 0"]
    assert mismatches([1, 2, 3], Size) == ["$: expected array of 1 to 2, got array of 3"]


def test_a_named_tuple_is_written_as_an_object(converter: Converter) -> None:
    assert converter.unstructure(Size(2, 3)) == {"width": 2, "height": 3}


def test_a_named_tuple_without_annotations_takes_anything(converter: Converter) -> None:
    pair = namedtuple("pair", "a b")

    assert converter.structure([1, {"x": []}], pair) == (1, {"x": []})


# Generic classes


@frozen
class Box(Generic[T]):
    item: T
    more: list[T] = field(factory=list)
    maybe: T | None = None


@frozen
class IntBox(Box[int]):
    label: str = ""


@frozen
class Pair(Generic[K, V]):
    key: K
    value: dict[str, V]


class PairDict(TypedDict, Generic[K, V]):
    key: K
    value: NotRequired[dict[str, V]]


class IntPairDict(PairDict[int, V], Generic[V]):
    label: str


class PairTuple(NamedTuple, Generic[K, V]):
    key: K
    value: dict[str, V]


def test_a_generic_attrs_class_checks_its_parameter(converter: Converter) -> None:
    payload = {"item": 1, "more": [2], "maybe": 3}

    assert converter.structure(payload, Box[int]) == Box(1, [2], 3)
    for wrong in ({"item": "1"}, {"item": 1, "more": ["2"]}, {"item": 1, "maybe": "3"}):
        assert refuses(converter, wrong, Box[int])


def test_a_class_that_fixes_the_parameter_of_its_base_checks_it(converter: Converter) -> None:
    assert converter.structure({"item": 1}, IntBox) == IntBox(1)
    assert refuses(converter, {"item": "1"}, IntBox)


def test_generic_classes_nest(converter: Converter) -> None:
    assert converter.structure({"item": {"item": "a"}}, Box[Box[str]]) == Box(Box("a"))
    assert converter.structure({"item": {"sku": "a"}}, Box[Item]) == Box(Item("a"))


def test_each_parameter_has_its_place(converter: Converter) -> None:
    payload = {"key": 1, "value": {"a": "b"}}

    assert converter.structure(payload, Pair[int, str]) == Pair(1, {"a": "b"})
    assert converter.structure(payload, PairDict[int, str]) == payload
    assert converter.structure(payload, PairTuple[int, str]) == PairTuple(1, {"a": "b"})


@pytest.mark.parametrize("target", [Pair[str, str], PairDict[str, str], PairTuple[str, str]])
def test_a_value_that_is_not_of_the_parameter_is_refused(target: Any) -> None:
    payload = {"key": 1, "value": {"a": 2}}

    assert mismatches(payload, target) == [
        "$.key: expected string, got integer 1",
        "$.value.a: expected string, got integer 2",
    ]


def test_a_typed_dict_fills_in_the_parameters_of_its_base() -> None:
    payload = {"key": "1", "value": {"a": 2}, "label": "c"}

    assert mismatches(payload, IntPairDict[str]) == [
        '$.key: expected integer, got string "1"',
        "$.value.a: expected string, got integer 2",
    ]


@pytest.mark.parametrize("target", [Box, Pair, PairDict, PairTuple])
def test_a_generic_class_without_its_parameters_is_refused_at_registration(target: Any) -> None:
    with pytest.raises(StructureHandlerNotFoundError, match=r"PairDict\[int\]|\[int\]|specify it"):
        make_converter().get_structure_hook(target)


# Classes that stand inside themselves, or whose annotations are text


either_module = pytest.mark.parametrize("module", [postponed, quoted], ids=["postponed", "quoted"])


@either_module
def test_an_attrs_class_may_stand_inside_itself(module: Any, converter: Converter) -> None:
    payload = {
        "name": "a",
        "parts": [{"name": "b", "by_name": {"c": {"name": "d"}}}],
        "parent": {"name": "e"},
    }

    assert converter.structure(payload, module.Category) == module.Category(
        "a",
        parts=[module.Category("b", by_name={"c": module.Category("d")})],
        parent=module.Category("e"),
    )


@either_module
def test_a_dataclass_may_stand_inside_itself(module: Any, converter: Converter) -> None:
    payload = {"name": "a", "folders": [{"name": "b"}], "parent": {"name": "c"}}

    assert converter.structure(payload, module.Folder) == module.Folder(
        "a", [module.Folder("b")], module.Folder("c")
    )


@either_module
def test_a_typed_dict_may_stand_inside_itself(module: Any, converter: Converter) -> None:
    payload = {"text": "a", "replies": [{"text": "b", "replies": [{"text": "c"}]}]}

    assert converter.structure(payload, module.Comment) == payload


@either_module
def test_a_named_tuple_may_stand_inside_itself(module: Any, converter: Converter) -> None:
    payload = {"value": 1, "rest": [2, {"value": 3}]}

    assert converter.structure(payload, module.Chain) == (1, (2, (3, None)))


@either_module
def test_a_class_is_checked_all_the_way_down(module: Any) -> None:
    assert mismatches({"name": "a", "parts": [{"name": 1}]}, module.Category) == [
        "$.parts[0].name: expected string, got integer 1"
    ]
    assert mismatches({"name": "a", "folders": [{"name": 1}]}, module.Folder) == [
        "$.folders[0].name: expected string, got integer 1"
    ]
    assert mismatches({"text": "a", "replies": [{"text": 1}]}, module.Comment) == [
        "$.replies[0].text: expected string, got integer 1"
    ]
    assert mismatches([1, [2, ["3"]]], module.Chain) == [
        '$[1][1][0]: expected integer, got string "3"'
    ]


@frozen
class Branch:
    leaves: list[Leaf]


class Leaf(TypedDict):
    twig: NotRequired[Twig]


class Twig(NamedTuple):
    branch: Branch | None = None


@pytest.mark.parametrize("target", [Branch, Leaf, Twig])
def test_classes_may_stand_inside_each_other(target: Any, converter: Converter) -> None:
    payload: dict[str, Any] = {
        "leaves": [{"twig": {"branch": {"leaves": [{}]}}}],
        "twig": {"branch": {"leaves": [{"twig": {}}]}},
        "branch": {"leaves": [{"twig": {"branch": None}}]},
    }

    built = converter.structure(payload, target)

    assert converter.structure(converter.unstructure(built, target), target) == built


def test_required_and_not_required_count_where_annotations_are_text(converter: Converter) -> None:
    assert converter.structure({"id": "a"}, postponed.Order) == {"id": "a"}
    assert converter.structure({"id": "a"}, postponed.Patch) == {"id": "a"}
    assert converter.structure({"id": "a", "by": "b"}, postponed.UrgentOrder) == {
        "id": "a",
        "by": "b",
    }


def test_a_required_member_is_missed_where_annotations_are_text() -> None:
    assert mismatches({"note": "a"}, postponed.Patch) == ["$.id: expected a value, got nothing"]
    assert mismatches({"id": "a"}, postponed.UrgentOrder) == ["$.by: expected a value, got nothing"]


@pytest.mark.parametrize(
    "target",
    [
        postponed.Page[int],
        postponed.DataPage[int],
        postponed.PageDict[int],
        postponed.PageTuple[int],
    ],
    ids=["attrs", "dataclass", "TypedDict", "NamedTuple"],
)
def test_generic_classes_are_checked_where_annotations_are_text(target: Any) -> None:
    assert mismatches({"items": [1, "2"], "first": "3"}, target) == [
        '$.items[1]: expected integer, got string "2"',
        '$.first: expected integer, got string "3"'
        if target == postponed.PageDict[int]
        else '$.first: expected integer or null, got string "3"',
    ]


def test_a_name_that_does_not_exist_is_a_name_error() -> None:
    @frozen
    class Local:
        a: list[Missing]  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError, match="Missing"):
        make_converter().get_structure_hook(Local)


def test_the_types_of_attrs_are_resolved_once() -> None:
    make_converter().get_structure_hook(postponed.Category)

    assert attrs.fields(postponed.Category).parts.type == list[postponed.Category]
