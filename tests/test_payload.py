"""From a raw payload to a typed one, or to a report of where it does not fit."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import cattrs
import pytest
from attrs import field, frozen, make_class, validators
from cattrs import Converter, override
from cattrs.gen import make_dict_structure_fn

from eventrouter import Event, InvalidPayload, RegistrationError, make_converter
from eventrouter.payload import PayloadConverter, make_builder
from tests.structuring.converters import build, errors_of, mismatches

T = TypeVar("T")


@frozen
class Item:
    sku: str
    price: int
    unit: Annotated[str, override(rename="unit price")] = ""


@frozen
class Order:
    items: list[Item]
    type_: str = field(default="", alias="type")
    tags: dict[str, int] = field(factory=dict)


class Note(TypedDict):
    from_: Annotated[str, override(rename="from")]


# What an error says


def test_a_mismatch_says_where_and_what_was_expected_and_what_stood_there() -> None:
    payload = {"items": [{"sku": "a", "price": 1}, {"sku": "b", "price": "2"}]}

    (mismatch,) = errors_of(payload, Order)

    assert mismatch.path == "$.items[1].price"
    assert mismatch.expected == "integer"
    assert mismatch.got == 'string "2"'
    assert str(mismatch) == '$.items[1].price: expected integer, got string "2"'


def test_the_error_names_the_event_and_the_type() -> None:
    with pytest.raises(InvalidPayload) as caught:
        build({"items": 1}, Order)

    assert caught.value.event_type == "order.paid"
    assert caught.value.payload_type == "Order"
    assert str(caught.value) == (
        'the payload of "order.paid" is no Order: $.items: expected array, got integer 1'
    )


def test_the_error_survives_pickling() -> None:
    with pytest.raises(InvalidPayload) as caught:
        build({"items": 1}, Order)

    assert pickle.loads(pickle.dumps(caught.value)).errors == caught.value.errors


def test_mismatches_come_in_the_order_of_the_payload() -> None:
    payload = {
        "items": [{"price": "1"}, 2, {"sku": "c", "price": 3, "unit price": 4}],
        "type": 5,
        "tags": {"a": "6", "odd key": "7"},
    }

    assert mismatches(payload, Order) == [
        "$.items[0].sku: expected a value, got nothing",
        '$.items[0].price: expected integer, got string "1"',
        "$.items[1]: expected object, got integer 2",
        '$.items[2]["unit price"]: expected string, got integer 4',
        "$.type: expected string, got integer 5",
        '$.tags.a: expected integer, got string "6"',
        '$.tags["odd key"]: expected integer, got string "7"',
    ]


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (None, "null"),
        (True, "boolean true"),
        (12, "integer 12"),
        (1.5, "number 1.5"),
        ("a\nb", r'string "a\nb"'),
        ("a" * 1000, f'string "{"a" * 40}…"'),
        ([1, 2], "array of 2"),
        ({"a": 1}, "object"),
        (10**400, "integer of 1329 bits"),
    ],
    ids=str,
)
def test_what_stood_there_is_shown_where_it_is_short(value: Any, got: str) -> None:
    (mismatch,) = errors_of(value, Literal["a"])

    assert mismatch.got == got


def test_the_payload_itself_is_the_root_of_paths() -> None:
    assert mismatches([], Order) == ["$: expected object, got array of 0"]
    assert mismatches([1, "2"], list[int]) == ['$[1]: expected integer, got string "2"']


# Names are those in JSON


def test_a_missing_member_is_named_as_in_json() -> None:
    assert mismatches({}, Note) == ["$.from: expected a value, got nothing"]


def test_a_field_renamed_by_a_hook_of_the_user_is_named_as_in_json() -> None:
    converter = make_converter()
    hook = make_dict_structure_fn(Item, converter, price=override(rename="the price"))
    converter.register_structure_hook(Item, hook)

    assert mismatches({"items": [{"sku": "a", "the price": "1"}, {}]}, Order, converter) == [
        '$.items[0]["the price"]: expected integer, got string "1"',
        "$.items[1].sku: expected a value, got nothing",
        '$.items[1]["the price"]: expected a value, got nothing',
    ]


@frozen
class Boxed(Generic[T]):
    inner_: T = field(alias="inner")


def test_a_field_of_a_generic_class_is_named_by_its_alias() -> None:
    assert mismatches({"inner": {"inner": "1"}}, Boxed[Boxed[int]]) == [
        '$.inner.inner: expected integer, got string "1"'
    ]


class Pair(NamedTuple):
    left: int
    right: int


def test_a_named_tuple_is_reported_by_name_or_by_place() -> None:
    assert mismatches({"left": "1"}, Pair) == [
        '$.left: expected integer, got string "1"',
        "$.right: expected a value, got nothing",
    ]
    assert mismatches([1, "2"], Pair) == ['$[1]: expected integer, got string "2"']


# Validators, converters and hooks of the user


def even(_: Any, attribute: Any, value: int) -> None:
    if value % 2:
        raise ValueError(f"{attribute.name} is odd")


def halved(number: int) -> int:
    if number > 100:
        raise OverflowError("over 100")
    return number // 2


@frozen
class Checked:
    even: int = field(default=0, validator=even)
    color: str = field(default="red", validator=validators.in_(["red", "green"]))
    code: str = field(default="a", validator=validators.matches_re("[a-z]+"))
    half: int = field(default=0, converter=halved)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"even": 1}, "a valid value (ValueError: even is odd)"),
        (
            {"color": "blue"},
            "a valid value (ValueError: 'color' must be in ['red', 'green'] (got 'blue'))",
        ),
        (
            {"code": "A"},
            "a valid value (ValueError: 'code' must match regex '[a-z]+' ('A' doesn't))",
        ),
        ({"half": 101}, "a valid value (OverflowError: over 100)"),
    ],
    ids=["a function", "in_", "matches_re", "a converter"],
)
def test_the_message_of_a_validator_is_told(payload: Any, expected: str) -> None:
    (mismatch,) = errors_of([payload], list[Checked])

    assert (mismatch.path, mismatch.expected, mismatch.got) == ("$[0]", expected, "object")


@dataclass
class Ordered:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise KeyError("low")


def test_an_error_after_init_is_told_and_is_no_missing_member() -> None:
    assert mismatches({"low": 2, "high": 1}, Ordered) == [
        "$: expected a valid value (KeyError: 'low'), got object"
    ]


@dataclass
class Grouped:
    a: int

    def __post_init__(self) -> None:
        raise ExceptionGroup("several", [ValueError("one"), ValueError("two")])


def test_a_group_of_errors_is_told_one_by_one() -> None:
    assert mismatches({"a": 1}, Grouped) == [
        "$: expected a valid value (ValueError: one), got object",
        "$: expected a valid value (ValueError: two), got object",
    ]


class Money:
    def __init__(self, text: str) -> None:
        self.amount, self.currency = text.split(" ")


def test_the_message_of_a_hook_of_the_user_is_told() -> None:
    converter = make_converter()
    converter.register_structure_hook(Money, lambda value, _: Money(value))

    (mismatch,) = errors_of({"a": "1"}, dict[str, Money], converter)

    assert mismatch.path == "$.a"
    assert mismatch.expected == (
        "a valid value (ValueError: not enough values to unpack (expected 2, got 1))"
    )


@frozen
class Tried:
    either: list[Money]
    item: Item


def test_what_a_hook_tries_in_vain_is_not_told_if_it_then_succeeds() -> None:
    converter = make_converter()

    def item_or_text(value: Any, _: Any) -> Any:
        try:
            return converter.structure(value, Item)
        except Exception:
            return converter.structure(value, Note)

    converter.register_structure_hook(Money, item_or_text)
    payload = {"either": [{"from": "a"}] * 100, "item": {"sku": "a", "price": "1"}}

    assert mismatches(payload, Tried, converter) == [
        '$.item.price: expected integer, got string "1"'
    ]


# Members that are not declared


def test_forbidden_members_are_told_beside_the_rest() -> None:
    converter = make_converter(forbid_extra_keys=True)
    payload = {"items": [{"sku": "a", "price": 1, "z": 1, "x": 1}], "type": 1, "y": 1}

    assert mismatches(payload, Order, converter) == [
        '$.items[0]: expected no other members, got also "x", "z"',
        "$.type: expected string, got integer 1",
        '$: expected no other members, got also "y"',
    ]


# A report is short and costs little


def test_20_mismatches_are_told_at_most() -> None:
    assert [error.path for error in errors_of(["x"] * 100, list[int])] == [
        f"$[{i}]" for i in range(20)
    ]


def test_texts_are_cut() -> None:
    name = "n" * 100_000
    value = "v" * 100_000

    def refuse(_: Any, __: Any) -> None:
        raise ValueError("m" * 100_000)

    converter = make_converter()
    converter.register_structure_hook(int, refuse)
    payload = {name: {name: {name: {name: {name: value}}}}}
    target = dict[str, dict[str, dict[str, dict[str, dict[str, int]]]]]

    (mismatch,) = errors_of(payload, target, converter)

    assert max(map(len, (mismatch.path, mismatch.expected, mismatch.got))) <= 301


def test_forbidden_members_are_cut_too() -> None:
    converter = make_converter(forbid_extra_keys=True)
    payload = {"left": 1, "right": 2, **{f"member{i}" * 9: i for i in range(100_000)}}

    (mismatch,) = errors_of(payload, Pair, converter)

    assert len(mismatch.got) <= 301


class Counting:
    """A hook for integers that counts how often it is called."""

    def __init__(self) -> None:
        self.calls = 0
        self.converter = make_converter()
        self.converter.register_structure_hook(int, self)

    def __call__(self, value: Any, _: Any) -> int:
        self.calls += 1
        if isinstance(value, str):
            raise ValueError("no text")
        return int(value)


MANY = 100_000


@frozen
class Count:
    a: int
    b: int = 0


class CountDict(TypedDict):
    a: int


class Deep(NamedTuple):
    a: list[Count]


@pytest.mark.parametrize(
    ("target", "payload"),
    [
        (list[int], ["x"] * MANY),
        (set[int], ["x"] * MANY),
        (tuple[int, ...], ["x"] * MANY),
        (dict[str, int], {str(i): "x" for i in range(MANY)}),
        (list[list[int]], [["x"]] * MANY),
        (list[list[int]], [["x"] * 300] * 300),
        (list[dict[str, int]], [{"a": "x"}] * MANY),
        (list[tuple[int, str]], [["x", 1]] * MANY),
        (list[int | None], ["x"] * MANY),
        (list[Count], [{"a": "x", "b": "y"}] * MANY),
        (list[CountDict], [{"a": "x"}] * MANY),
        (list[Pair], [["x", "y"]] * MANY),
        (list[Deep], [{"a": [{"a": "x"}] * 300}] * 300),
        (dict[str, list[Count]], {str(i): [{"a": "x"}] * 300 for i in range(300)}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_payload_of_100_000_wrong_values_is_left_after_20(target: Any, payload: Any) -> None:
    counting = Counting()

    assert len(errors_of(payload, target, counting.converter)) == 20
    assert counting.calls <= 100


@frozen
class Tree:
    value: int
    left: Tree | None = None
    right: Tree | None = None


class TreeDict(TypedDict, total=False):
    value: int
    left: TreeDict
    right: TreeDict


class TreeTuple(NamedTuple):
    value: int
    left: TreeTuple | None = None
    right: TreeTuple | None = None


@dataclass
class TreeData:
    value: int
    children: list[TreeData]


def tree(depth: int, value: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"value": value, "children": []}
    for _ in range(depth):
        node = {"value": value, "left": node, "right": node, "children": [node, node]}
    return node


@pytest.mark.parametrize("target", [Tree, TreeDict, TreeTuple, TreeData])
@pytest.mark.parametrize("depth", [10, 30])
def test_a_tree_full_of_errors_is_left_early(target: Any, depth: int) -> None:
    """Of depth 30 it has two thousand million nodes."""
    counting = Counting()

    assert len(errors_of(tree(depth, "x"), target, counting.converter)) == 20
    assert counting.calls <= 200


@pytest.mark.parametrize("target", [Tree, TreeDict, TreeTuple, TreeData])
def test_a_tree_with_one_error_has_it_told(target: Any) -> None:
    payload = tree(3, 1)
    payload["left"] = payload["right"] = {**payload["left"], "value": "x"}
    payload["children"] = [payload["left"]]

    paths = {error.path for error in errors_of(payload, target)}

    assert paths <= {"$.left.value", "$.right.value", "$.children[0].value"}
    assert paths


def test_the_second_payload_is_reported_as_fully_as_the_first() -> None:
    builder = make_builder(list[int], PayloadConverter(make_converter()))
    event = Event("order.paid", ["x"] * 30)

    for _ in range(2):
        with pytest.raises(InvalidPayload) as caught:
            builder(event)

        assert len(caught.value.errors) == 20


# What the code is to blame for


def test_a_type_that_nothing_builds_is_refused_when_its_builder_is_made() -> None:
    with pytest.raises(cattrs.StructureHandlerNotFoundError, match="nothing builds it from JSON"):
        make_builder(list[complex], PayloadConverter(make_converter()))


@frozen
class Lazy:
    other: Lazy | LazyTwin | None = None


@frozen
class LazyTwin:
    other: Lazy | None = None


def test_a_type_found_faulty_when_first_used_is_a_registration_error() -> None:
    with pytest.raises(RegistrationError, match="give each a tag"):
        build({"other": {}}, Lazy)


def test_a_hook_that_asks_for_what_nothing_builds_is_a_registration_error() -> None:
    converter = make_converter()
    converter.register_structure_hook(Money, lambda value, _: converter.structure(value, complex))

    with pytest.raises(RegistrationError, match="complex: nothing builds it"):
        build("1 EUR", Money, converter)


def test_a_refusal_of_a_type_survives_pickling() -> None:
    with pytest.raises(cattrs.StructureHandlerNotFoundError) as caught:
        make_converter().get_structure_hook(complex)

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# The user's own converter


def test_a_plain_converter_of_cattrs_builds_and_explains() -> None:
    converter = Converter(use_alias=True)

    assert build({"items": [], "type": 1}, Order, converter) == Order([], "1")
    assert mismatches({"items": [{"sku": "a", "price": "x"}, {"price": 1}]}, Order, converter) == [
        "$.items[0].price: expected a valid value (ValueError: invalid literal for int() with "
        "base 10: 'x'), got string \"x\"",
        "$.items[1].sku: expected a value, got nothing",
    ]


def test_a_plain_converter_names_fields_as_it_reads_them() -> None:
    converter = Converter(use_alias=True)

    (mismatch,) = errors_of({"inner": "x"}, AliasedInt, converter)

    assert mismatch.path == "$.inner"


@frozen
class AliasedInt:
    inner_: int = field(alias="inner")


def test_a_plain_converter_names_the_fields_of_a_generic_class_as_python_does() -> None:
    """cattrs's error has the class without its parameters, of which there is no hook."""
    (mismatch,) = errors_of({"inner_": "x"}, Boxed[int], Converter())

    assert mismatch.path == "$.inner_"


def test_a_converter_that_does_not_explain_names_the_payload_at_least() -> None:
    converter = Converter(detailed_validation=False)

    (mismatch,) = errors_of({"items": [{}]}, Order, converter)

    assert (mismatch.path, mismatch.got) == ("$", "object")


def test_hooks_registered_until_the_first_builder_count() -> None:
    converter = make_converter()
    payloads = PayloadConverter(converter)
    converter.register_structure_hook(Money, lambda value, _: Money(value))

    built = make_builder(Money, payloads)(Event("order.paid", "1 EUR"))

    assert built.currency == "EUR"


def test_classes_that_hold_classes_twice_are_made_once_each() -> None:
    holder = make_class("C0", {"x": field(type=int)}, frozen=True)
    for level in range(1, 40):
        fields = {name: field(type=holder) for name in ("one", "other")}
        holder = make_class(f"C{level}", fields, frozen=True)

    make_builder(holder, PayloadConverter(make_converter()))
