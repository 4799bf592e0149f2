"""For each rule: a change that breaks it, and the nearest one that does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import attrs
import pytest
from annotated_types import Ge, Gt, Le, MaxLen, MinLen, MultipleOf
from attrs import validators as v

from eventrouter import Router, make_converter
from eventrouter.schemas.compatibility import Mode, compatibility
from eventrouter.schemas.rules import RULES, Direction, Level
from tests.documents import ROOT
from tests.schemas.contracts import broken, document_of, taking, written_of

Document = dict[str, Any]


def record(name: str = "Order", **fields: Any) -> Any:
    """A class of a type for each field, or a type and a default."""
    return attrs.make_class(name, {field: _field(of) for field, of in fields.items()})


def _field(of: Any) -> Any:
    if isinstance(of, tuple):
        return attrs.field(type=of[0], default=of[1])
    return of if isinstance(of, type(attrs.field())) else attrs.field(type=of)


def of(*targets: Any) -> tuple[Document, Document, Document]:
    """The documents of an old type, of one that breaks it, of one that does not."""
    old, breaking, harmless = map(document_of, targets)
    return old, breaking, harmless


def member(*targets: Any) -> tuple[Document, Document, Document]:
    """The same, of a member of an object."""
    return of(*(record(total=target) for target in targets))


def routed(*routes: tuple[str, str | None, Any], **options: Any) -> Document:
    router = Router(**options)
    for event_type, version, where in routes:
        router.add_route(event_type, taking(record(id=str)), version=version, where=where)
    return router.schema()


def upcasting(*steps: tuple[str, str]) -> Document:
    router = Router()
    for source, target in steps:

        @router.upcast("order.paid", source, target)
        def upcast(old: dict[str, Any]) -> dict[str, Any]:
            return old

    router.add_route("order.paid", taking(record(id=str)), version="v3")
    return router.schema()


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Red(Enum):
    RED = "red"


class Three(Enum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: int


class Space(NamedTuple):
    x: int
    y: int
    z: int


class PointMaybeHigh(NamedTuple):
    x: int
    y: int
    z: int = 0


def pays(how: str, tag: str = "kind", **fields: Any) -> Any:
    return record(how.capitalize(), **{tag: Literal[how]}, **fields)


card, transfer = pays("card", digits=str), pays("transfer", iban=str)
forbidding = make_converter(forbid_extra_keys=True)


def forbidden(target: Any) -> Document:
    return document_of(target, converter=forbidding)


def chosen(*options: str) -> Any:
    return attrs.field(type=str, validator=v.in_(options))


def matching(pattern: str) -> Any:
    return attrs.field(type=str, validator=v.matches_re(pattern))


def checked(name: str) -> Any:
    def check(instance: Any, attribute: Any, value: Any) -> None: ...

    check.__qualname__ = name
    return attrs.field(type=str, validator=check)


paid = ("order.paid", "v1", None)
text = record(total=str)

#: rule -> the old document, one that breaks it, one that does not
PAIRS: list[tuple[str, Callable[[], tuple[Document, Document, Document]]]] = [
    (
        "event-unknown",
        lambda: (
            routed(paid, ("order.sent", "v1", None)),
            routed(paid),
            routed(("order.*", "v1", None)),
        ),
    ),
    (
        "version-unknown",
        lambda: (
            routed(paid),
            routed(("order.paid", "v2", None)),
            routed(("order.paid", None, None)),
        ),
    ),
    (
        "version-unknown",
        lambda: (
            routed(("order.paid", "v1", None)),
            upcasting(("v2", "v3")),
            upcasting(("v1", "v2"), ("v2", "v3")),
        ),
    ),
    (
        "version-unknown",
        lambda: (
            routed(paid, default_version="v1"),
            routed(paid),
            routed(paid, ("order.paid", "v2", None), default_version="v2"),
        ),
    ),
    (
        "upcaster-missing",
        lambda: (
            upcasting(("v1", "v2"), ("v2", "v3")),
            upcasting(("v2", "v3")),
            upcasting(("v1", "v3"), ("v2", "v3")),
        ),
    ),
    (
        "where-changed",
        lambda: (
            routed(("order.paid", "v1", None)),
            routed(("order.paid", "v1", {"id": "a"})),
            routed(("order.paid", "v1", {"id": "a"}), ("order.*", None, None)),
        ),
    ),
    (
        "where-changed",
        lambda: (
            routed(("order.paid", "v1", {"id": "a"})),
            routed(("order.paid", "v1", {"id": "b"})),
            routed(("order.paid", "v1", {"id": "a"}), ("order.paid", "v1", {"id": "b"})),
        ),
    ),
    (
        "field-missing",
        lambda: of(record(id=str), record(id=str, vat=int), record(id=str, vat=(int, 0))),
    ),
    (
        "field-optional",
        lambda: of(record(vat=(int, 0)), record(vat=int), record(vat=(int, 0), net=(int, 0))),
    ),
    (
        "field-renamed",
        lambda: of(
            record(user_id=str),
            record(user=str),
            record(user=attrs.field(type=str, alias="user_id")),
        ),
    ),
    (
        "field-refused",
        lambda: (
            forbidden(record(id=str, vat=int)),
            forbidden(record(id=str)),
            document_of(record(id=str)),
        ),
    ),
    (
        "field-refused",
        lambda: of(record(ab=int), dict[Literal["cd"], int], dict[Literal["ab", "cd"], int]),
    ),
    (
        "extra-keys-refused",
        lambda: (
            document_of(record(id=str)),
            forbidden(record(id=str)),
            document_of(record(id=str, vat=(int, 0))),
        ),
    ),
    ("null-refused", lambda: member(int | None, int, int | None | str)),
    ("type-changed", lambda: member(int, str, float)),
    ("type-changed", lambda: member(str, list[str], str | list[str])),
    ("type-changed", lambda: member(list[int], dict[str, int], list[int] | dict[str, int])),
    ("type-changed", lambda: member(list[int], list[bool], list[float])),
    (
        "type-changed",
        lambda: member(dict[str, int], record(a=(int, 0)), dict[str, float]),
    ),
    ("type-narrowed", lambda: member(float, int, float | None)),
    ("type-narrowed", lambda: member(Any, str, object)),
    ("type-narrowed", lambda: member(str, Color, str | None)),
    ("type-narrowed", lambda: member(dict[str, int], dict[Literal["a"], int], dict[str, float])),
    ("union-arm-missing", lambda: member(int | str, int, int | str | bool)),
    (
        "union-arm-missing",
        lambda: member(
            record("A", a=int) | record("B", b=int),
            record("A", a=int),
            record("A", a=int) | record("B", b=int) | record("C", c=int),
        ),
    ),
    (
        "tag-renamed",
        lambda: member(
            card | transfer,
            pays("card", "type", digits=str) | pays("transfer", "type", iban=str),
            card | transfer | pays("cash"),
        ),
    ),
    (
        "tag-unknown",
        lambda: member(
            card | transfer, card | pays("sepa", iban=str), transfer | pays("cash") | card
        ),
    ),
    ("enum-member-missing", lambda: member(Color, Red, Three)),
    ("enum-member-missing", lambda: member(Literal["a", 1], Literal["a", 2], Literal["a", 1, 2])),
    (
        "enum-member-missing",
        lambda: of(record(c=chosen("a", "b")), record(c=chosen("a")), record(c=str)),
    ),
    ("enum-member-missing", lambda: member(bool, Literal[True], bool | None)),
    ("arity-changed", lambda: member(tuple[int, int], tuple[int, int, int], tuple[int, ...])),
    ("arity-changed", lambda: member(tuple[int, int], tuple[int], tuple[float, float])),
    (
        "constraint-tightened",
        lambda: member(Annotated[int, Ge(1)], Annotated[int, Ge(2)], Annotated[int, Gt(0)]),
    ),
    ("constraint-tightened", lambda: member(float, Annotated[float, Le(2.5)], float)),
    (
        "constraint-tightened",
        lambda: member(
            Annotated[float, Ge(0)], Annotated[float, Gt(0)], Annotated[float, Ge(-0.5)]
        ),
    ),
    (
        "constraint-tightened",
        lambda: member(
            Annotated[int, MultipleOf(4)],
            Annotated[int, MultipleOf(8)],
            Annotated[int, MultipleOf(2)],
        ),
    ),
    (
        "constraint-tightened",
        lambda: member(
            Annotated[str, MinLen(1)], Annotated[str, MinLen(2)], Annotated[str, MinLen(0)]
        ),
    ),
    (
        "constraint-tightened",
        lambda: member(
            Annotated[list[int], MaxLen(3)],
            Annotated[list[int], MaxLen(2)],
            Annotated[list[int], MaxLen(4)],
        ),
    ),
    ("constraint-tightened", lambda: member(list[int], Annotated[list[int], MinLen(1)], list[int])),
    (
        "constraint-tightened",
        lambda: member(
            dict[str, int],
            Annotated[dict[str, int], MinLen(1)],
            Annotated[dict[str, int], MinLen(0)],
        ),
    ),
    ("constraint-tightened", lambda: of(text, record(total=matching("[a-z]+")), text)),
    ("encoding-changed", lambda: member(datetime, date, datetime | None)),
    ("encoding-changed", lambda: member(UUID, str, UUID | None)),
    ("encoding-changed", lambda: member(bytes, str, bytes | None)),
    ("encoding-changed", lambda: member(str, Decimal, str | None)),
    ("type-changed", lambda: member(int, UUID, Decimal)),
    (
        "not-comparable",
        lambda: of(record(c=matching("[ab]+")), record(c=matching("[a-c]+")), record(c=str)),
    ),
    (
        "not-comparable",
        lambda: of(record(c=checked("old")), record(c=checked("new")), record(c=str)),
    ),
    (
        "not-comparable",
        lambda: (
            written_of({"type": "array", "contains": {"type": "string"}}),
            written_of({"type": "array", "contains": {"type": "null"}}),
            written_of({"type": "array", "contains": {"type": "string"}, "description": "new"}),
        ),
    ),
]
NUMBERED = [
    pytest.param(rule, make, id=f"{rule}-{number}") for number, (rule, make) in enumerate(PAIRS)
]


@pytest.mark.parametrize(("rule", "make"), NUMBERED)
def test_a_change_that_breaks_a_rule_is_found_and_the_nearest_other_is_not(
    rule: str, make: Callable[[], tuple[Document, Document, Document]]
) -> None:
    old, breaking, harmless = make()

    assert broken(old, breaking) == [rule]
    assert broken(old, harmless) == []


@pytest.mark.parametrize(("rule", "make"), NUMBERED)
def test_what_breaks_backward_breaks_forward_the_other_way_round(
    rule: str, make: Callable[[], tuple[Document, Document, Document]]
) -> None:
    old, breaking, harmless = make()

    # Nobody begins to send a version that is there only to be upcast.
    expected = [] if rule == "upcaster-missing" else [rule]
    assert broken(breaking, old, Mode.FORWARD) == expected
    assert broken(harmless, old, Mode.FORWARD) == []


@pytest.mark.parametrize(("rule", "make"), NUMBERED)
def test_what_is_the_same_breaks_nothing(
    rule: str, make: Callable[[], tuple[Document, Document, Document]]
) -> None:
    for document in make():
        assert broken(document, document, Mode.FULL) == []


def test_each_rule_has_a_pair() -> None:
    assert {rule for rule, _ in PAIRS} | {"default-changed"} == {rule.id for rule in RULES}


def test_a_changed_default_is_a_warning() -> None:
    old, new = (document_of(record(vat=(int, default))) for default in (19, 20))

    [finding] = compatibility(old, new)

    assert (finding.rule, finding.level) == ("default-changed", Level.WARNING)
    assert finding.path == "$.vat"


def test_a_changed_default_is_told_once_for_both_ways() -> None:
    old, new = (document_of(record(vat=(int, default))) for default in (19, 20))

    assert len(compatibility(old, new, Mode.FULL)) == 1


def test_the_same_default_is_no_finding() -> None:
    document = document_of(record(vat=(int, 19)))

    assert compatibility(document, document) == ()


def test_an_optional_field_with_another_name_is_a_warning() -> None:
    old = document_of(record(nick=(str, "")))
    new = document_of(record(nickname=(str, "")))

    [finding] = compatibility(old, new)

    assert (finding.rule, finding.level) == ("field-renamed", Level.WARNING)
    assert finding.what == (
        'old producers send "nick", which new code does not read; it takes the default of '
        '"nickname"'
    )


def test_a_named_tuple_has_places_and_names() -> None:
    old, breaking, harmless = member(Point, Space, PointMaybeHigh)

    assert broken(old, breaking) == ["arity-changed", "field-missing"]
    assert broken(old, harmless) == []


def test_a_validator_in_code_that_stays_is_a_warning() -> None:
    document = document_of(record(c=checked("luhn")))

    [finding] = compatibility(document, document)

    assert (finding.rule, finding.level) == ("not-comparable", Level.WARNING)
    assert "luhn" in finding.what


def test_the_page_lists_the_rules_as_they_are() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text()

    table = page.partition("| rule |")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [
        f"| `{r.id}` | {r.backward} | {r.forward} | {r.fix} |".replace("`| None`", r"`\| None`")
        for r in RULES
    ]


def test_each_rule_says_what_to_do() -> None:
    for rule in RULES:
        assert rule.fix
        assert rule.change(Direction.BACKWARD)
        assert rule.change(Direction.FORWARD)


def test_a_finding_is_one_line_that_says_where_what_and_what_to_do() -> None:
    items: Any = list
    before, after = record("Item", price=int), record("Item", price=int, vat=int)
    old, new = (document_of(record(items=items[item])) for item in (before, after))

    [finding] = compatibility(old, new)

    assert str(finding) == (
        "order.paid v1 $.items[*].vat: error field-missing (backward): old producers don't send "
        "it, new code requires it; give the field a default, or handle it as a new version, with "
        "an upcaster from the old"
    )
