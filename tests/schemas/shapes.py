"""Types of payloads that can be made, filled with JSON, and changed into others nearby."""

from __future__ import annotations

import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import attrs
from annotated_types import Ge, Le, MaxLen, MinLen
from attrs import frozen
from hypothesis import strategies as st

from eventrouter import RegistrationError

words = st.text("ab", max_size=3)
numbers = st.integers(-3, 9)
trees = st.recursive(
    st.none() | st.booleans() | numbers | st.floats(-2, 2) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: words,
    int: numbers,
    float: numbers | st.floats(-9, 9),
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.sampled_from(["2024-08-20T05:21:19Z", "2024-02-29T00:00:00.5+05:30"]),
    date: st.sampled_from(["2024-08-20", "2000-02-29"]),
    time: st.sampled_from(["05:21:19", "23:59:59Z"]),
    timedelta: st.sampled_from(["P1D", "PT2H"]),
    UUID: st.sampled_from(["12345678-1234-5678-abcd-567812345678"]),
    Decimal: st.sampled_from(["1.50", "-2", 3, "1e5"]),
    bytes: st.sampled_from(["", "aGk="]),
    Any: trees,
}
VALUES = ["a", "b", "ab", 1, 2, True, None]
NAMES = ["a", "b", "c"]
TAG = "kind"


class Shape:
    """A type that is yet to be made."""

    def type(self) -> Any:
        """The type, made anew each time."""
        raise NotImplementedError

    def values(self) -> st.SearchStrategy[Any]:
        """What is sent by whoever sends it, as JSON."""
        raise NotImplementedError


@frozen
class Scalar(Shape):
    cls: Any

    def type(self) -> Any:
        return self.cls

    def values(self) -> st.SearchStrategy[Any]:
        return SCALARS[self.cls]


@frozen
class Choice(Shape):
    options: tuple[Any, ...]

    def type(self) -> Any:
        literal: Any = Literal
        return literal[self.options]

    def values(self) -> st.SearchStrategy[Any]:
        return st.sampled_from(self.options)


@frozen
class Bounded(Shape):
    cls: Any
    least: int
    most: int

    def type(self) -> Any:
        if self.cls is int:
            return Annotated[int, Ge(self.least), Le(self.most)]
        return Annotated[self.cls, MinLen(self.least), MaxLen(self.most)]

    def values(self) -> st.SearchStrategy[Any]:
        if self.cls is int:
            return st.integers(self.least, self.most)
        return st.text("ab", min_size=self.least, max_size=self.most)


@frozen
class Items(Shape):
    inner: Shape

    def type(self) -> Any:
        array: Any = list
        return array[self.inner.type()]

    def values(self) -> st.SearchStrategy[Any]:
        return st.lists(self.inner.values(), max_size=3)


@frozen
class Places(Shape):
    inner: tuple[Shape, ...]

    def type(self) -> Any:
        places: Any = tuple
        return places[tuple(shape.type() for shape in self.inner)]

    def values(self) -> st.SearchStrategy[Any]:
        return st.tuples(*(shape.values() for shape in self.inner)).map(list)


@frozen
class Mapping(Shape):
    names: tuple[str, ...]
    inner: Shape

    def type(self) -> Any:
        literal: Any = Literal
        mapping: Any = dict
        return mapping[literal[self.names] if self.names else str, self.inner.type()]

    def values(self) -> st.SearchStrategy[Any]:
        keys = st.sampled_from(self.names) if self.names else st.sampled_from([*NAMES, "z"])
        return st.dictionaries(keys, self.inner.values(), max_size=3)


@frozen
class Union(Shape):
    arms: tuple[Shape, ...]

    def type(self) -> Any:
        arms = arms_of(self)
        if Scalar(float) in arms and any(isinstance(a, Bounded) and a.cls is int for a in arms):
            # An integer out of bounds is taken by the schema, as a number, and by no arm.
            raise RegistrationError("schema and router differ")
        union: Any = typing.Union
        return union[tuple(arm.type() for arm in self.arms)]

    def values(self) -> st.SearchStrategy[Any]:
        return st.one_of(*(arm.values() for arm in self.arms))


def arms_of(shape: Shape) -> list[Shape]:
    """The arms of a union, with those of the unions in it."""
    if not isinstance(shape, Union):
        return [shape]
    return [arm for inner in shape.arms for arm in arms_of(inner)]


@frozen
class Field:
    inner: Shape
    is_required: bool


@frozen
class Record(Shape):
    fields: tuple[tuple[str, Field], ...]
    tag: str | None = None
    form: str = "attrs"

    def type(self) -> Any:
        types = {name: field.inner.type() for name, field in self.fields}
        if self.tag is not None:
            literal: Any = Literal
            types = {TAG: literal[self.tag], **types}
        optional = {name for name, field in self.fields if not field.is_required}
        if self.form == "typed dict":
            make: Any = typing.TypedDict
            needed: Any = typing.NotRequired
            return make("Made", {n: needed[t] if n in optional else t for n, t in types.items()})
        return attrs.make_class(
            "Made",
            {
                name: attrs.field(
                    type=of, kw_only=True, default=None if name in optional else attrs.NOTHING
                )
                for name, of in types.items()
            },
        )

    def values(self) -> st.SearchStrategy[Any]:
        tag = {} if self.tag is None else {TAG: st.just(self.tag)}
        return st.fixed_dictionaries(
            tag | {name: f.inner.values() for name, f in self.fields if f.is_required},
            optional={name: f.inner.values() for name, f in self.fields if not f.is_required},
        )


scalars = st.builds(Scalar, st.sampled_from(list(SCALARS)))
choices = st.builds(
    Choice, st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique_by=repr).map(tuple)
)
bounds = st.builds(
    lambda cls, least, more: Bounded(cls, least, least + more),
    st.sampled_from([int, str]),
    st.integers(0, 2),
    st.integers(0, 2),
)


def _tuples(inner: st.SearchStrategy[Any], least: int, most: int) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=least, max_size=most).map(tuple)


def _fields(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Any]:
    fields = st.builds(Field, inner, st.booleans())
    return st.dictionaries(st.sampled_from(NAMES), fields, max_size=3).map(
        lambda found: tuple(found.items())
    )


def records(inner: st.SearchStrategy[Shape], tags: Any) -> st.SearchStrategy[Record]:
    """Records with members of those shapes."""
    return st.builds(Record, _fields(inner), tags, st.sampled_from(["attrs", "typed dict"]))


def _extended(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    tagged = records(inner, st.sampled_from(["card", "cash", "cheque"]))
    return st.one_of(
        st.builds(Items, inner),
        st.builds(Places, _tuples(inner, 1, 3)),
        st.builds(Mapping, _tuples(st.sampled_from(NAMES), 0, 2).map(_once), inner),
        st.builds(Union, _tuples(inner, 2, 3)),
        st.builds(Union, _tuples(tagged, 2, 3)),
        records(inner, st.none()),
        records(inner, st.none()),
    )


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


leaves = st.one_of(scalars, choices, bounds)
shapes: st.SearchStrategy[Any] = st.recursive(leaves, _extended, max_leaves=6)


def nearby(draw: st.DrawFn, shape: Any) -> Any:
    """The shape with one change in it, or none."""
    if not draw(st.integers(0, 7)):
        return Union((shape, draw(leaves)))
    match shape:
        case Scalar(cls):
            wider: dict[Any, list[Any]] = {int: [float, Decimal], str: [bytes], float: [int]}
            return Scalar(draw(st.sampled_from([*wider.get(cls, []), *SCALARS])))
        case Choice(options):
            if draw(st.booleans()):
                return Choice(
                    (*options, *(o for o in VALUES if repr(o) not in map(repr, options)))[:4]
                )
            return draw(st.sampled_from([Choice(options[:1]), Scalar(str), Scalar(int)]))
        case Bounded(cls, least, most):
            less, more = draw(st.integers(-1, 1)), draw(st.integers(-1, 2))
            if draw(st.booleans()):
                return Scalar(cls)
            return Bounded(cls, max(least + less, 0), max(most + more, least + less, 0))
        case Items(inner):
            if draw(st.integers(0, 3)):
                return Items(nearby(draw, inner))
            return draw(st.sampled_from([Places((inner, inner)), Mapping((), inner), inner]))
        case Places(inner):
            place = draw(st.integers(0, len(inner) - 1))
            if draw(st.booleans()):
                return Places((*inner[:place], nearby(draw, inner[place]), *inner[place + 1 :]))
            return draw(st.sampled_from([Items(inner[0]), Places((*inner, inner[0]))]))
        case Mapping(names, inner):
            if draw(st.booleans()):
                return Mapping(names, nearby(draw, inner))
            fields = tuple((name, Field(inner, draw(st.booleans()))) for name in NAMES[:2])
            return draw(
                st.sampled_from([Mapping((), inner), Mapping(("a", "b"), inner), Record(fields)])
            )
        case Union(arms):
            place = draw(st.integers(0, len(arms) - 1))
            rest = (*arms[:place], *arms[place + 1 :])
            if draw(st.booleans()):
                return Union((*arms[:place], nearby(draw, arms[place]), *arms[place + 1 :]))
            if draw(st.booleans()) and isinstance(arms[0], Record):
                return Union((*arms, attrs.evolve(arms[0], tag="cheque")))
            return Union(rest) if rest else arms[0]
        case Record():
            return _nearby_record(draw, shape)
    raise AssertionError(shape)


def _nearby_record(draw: st.DrawFn, shape: Record) -> Any:
    fields = dict(shape.fields)
    how = draw(st.integers(0, 9))
    if how == 0:
        return attrs.evolve(shape, tag=draw(st.sampled_from(["card", "cash", shape.tag])))
    if how == 1:
        return attrs.evolve(shape, form=draw(st.sampled_from(["attrs", "typed dict"])))
    if how == 2:
        return Mapping((), draw(leaves))
    if how == 3 or not fields:
        fields[draw(st.sampled_from([*NAMES, "d"]))] = Field(draw(leaves), draw(st.booleans()))
        return attrs.evolve(shape, fields=tuple(fields.items()))
    name = draw(st.sampled_from(sorted(fields)))
    of = fields[name]
    if how == 4:
        del fields[name]
    elif how == 5:
        fields["d"] = fields.pop(name)
    elif how == 6:
        fields[name] = Field(of.inner, not of.is_required)
    else:
        fields[name] = Field(nearby(draw, of.inner), of.is_required)
    return attrs.evolve(shape, fields=tuple(fields.items()))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """A shape and another: mostly a few changes away, at times any."""
    one = draw(shapes)
    if not draw(st.integers(0, 9)):
        return one, draw(shapes)
    other = one
    for _ in range(draw(st.integers(1, 3))):
        other = nearby(draw, other)
    return one, other
