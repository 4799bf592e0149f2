"""
A strict hook for unions: each arm must be told from the others without trying.

A value's arm follows from its kind of JSON, or, among literals and enums, from the value itself,
or, among classes, from a tag or from a member that only one of them has. Where none of these
tells two arms apart, the union is refused when it is registered, not guessed at when it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Literal, NamedTuple, get_args, get_origin

from cattrs import Converter

from eventrouter.errors import listed, quoted
from eventrouter.kinds import INTEGER, KIND_OF_CLASS, NULL, OBJECT
from eventrouter.structuring.json_kinds import is_record, kinds_of, unwrapped
from eventrouter.structuring.records import Member, members_of
from eventrouter.structuring.refusal import Hook, Refusal, UnsupportedType, type_name
from eventrouter.structuring.scalars import enum_values, literal_values, one_of


class _Arm(NamedTuple):
    hook: Hook
    type: Any


def union_hook(target: Any, converter: Converter) -> Hook:
    """A hook for a union, ``Optional`` included."""
    arms = [arm for arm in get_args(target) if arm is not type(None)]
    if any(unwrapped(arm) is Any for arm in arms):
        return _as_it_is
    if len(arms) == 1:
        return _optional_hook(arms[0], converter)
    closed = _closed_values(target, arms)
    open_arms = [arm for arm in arms if not _is_closed(arm)]
    by_class = _by_class(target, open_arms, converter)
    if type(None) in get_args(target):
        by_class[type(None)] = _Arm(_as_it_is, None)
    expected = _expected(closed, by_class)

    def structure(value: Any, _: Any) -> Any:
        if closed:
            try:
                return closed[value.__class__, value]
            except (KeyError, TypeError):  # a list is not hashable
                pass
        arm = by_class.get(value.__class__)
        if arm is None:
            raise Refusal(expected)
        return arm.hook(value, arm.type)

    return structure


def _as_it_is(value: Any, _: Any) -> Any:
    return value


def _optional_hook(arm: Any, converter: Converter) -> Hook:
    hook = converter.get_structure_hook(arm)

    def structure(value: Any, _: Any) -> Any:
        return None if value is None else hook(value, arm)

    def structure_detailed(value: Any, _: Any) -> Any:
        try:
            return None if value is None else hook(value, arm)
        except Refusal as refusal:
            if refusal.where:
                raise
            raise Refusal(f"{refusal.expected} or null") from None

    return structure_detailed if converter.detailed_validation else structure


def _is_closed(arm: Any) -> bool:
    arm = unwrapped(arm)
    return get_origin(arm) is Literal or (isinstance(arm, type) and issubclass(arm, Enum))


def _closed_values(target: Any, arms: Iterable[Any]) -> dict[tuple[type, Any], Any]:
    """(JSON class, JSON value) -> what it stands for, over all literals and enums."""
    closed: dict[tuple[type, Any], Any] = {}
    for arm in arms:
        bare = unwrapped(arm)
        if get_origin(bare) is Literal:
            values: dict[tuple[type, Any], Any] = literal_values(bare)
        elif _is_closed(bare):
            values = enum_values(bare)
        else:
            continue
        both = closed.keys() & values.keys()
        if both:
            raise UnsupportedType(target, f"two of its arms have the value {min(both)[1]!r}")
        closed |= values
    return closed


def _by_class(target: Any, arms: list[Any], converter: Converter) -> dict[type, _Arm]:
    """The class of a parsed JSON value -> the arm it belongs to."""
    by_kind: dict[str, _Arm] = {}
    records = [arm for arm in arms if is_record(unwrapped(arm))]
    if len(records) > 1:
        bare = list(map(unwrapped, records))
        by_kind[OBJECT] = _Arm(_record_union_hook(target, bare, converter), target)
        arms = [arm for arm in arms if arm not in records]
    # float takes integers too, but not where int is an arm of its own.
    for arm in sorted(arms, key=lambda arm: unwrapped(arm) is float):
        kinds = kinds_of(arm)
        if kinds is None:
            raise UnsupportedType(
                target, f"can't tell {type_name(arm)} from the rest; register a hook for the union"
            )
        if unwrapped(arm) is float:
            kinds -= {INTEGER} & by_kind.keys()
        taken = (kinds & by_kind.keys()) - {NULL}
        if taken:
            other = by_kind[min(taken)].type
            raise UnsupportedType(
                target,
                f"can't tell {type_name(arm)} from {type_name(other)}, both are written as "
                f"{min(taken)} in JSON; register a hook for the union",
            )
        by_kind |= dict.fromkeys(kinds, _Arm(converter.get_structure_hook(arm), arm))
    return {cls: by_kind[kind] for cls, kind in KIND_OF_CLASS.items() if kind in by_kind}


def _record_union_hook(target: Any, records: list[Any], converter: Converter) -> Hook:
    arms = [_Arm(converter.get_structure_hook(record), record) for record in records]
    if not all(hasattr(arm.hook, "overrides") for arm in arms):
        raise UnsupportedType(
            target, "one of its classes has a hook of its own; register a hook for the union"
        )
    members = [members_of(record, converter) for record in records]
    return _tag_hook(arms, members) or _unique_member_hook(target, arms, members)


def _tag_hook(arms: list[_Arm], members: list[list[Member]]) -> Hook | None:
    """A hook that chooses by a member which is a ``Literal`` in every class, if there is one."""
    tag = shared_tag(members)
    if tag is None:
        return None
    return _by_tag(
        tag,
        {
            key: arm
            for arm, of_arm in zip(arms, members, strict=True)
            for key in _tag_values(tag, of_arm)
        },
    )


def shared_tag(members: list[list[Member]]) -> str | None:
    """
    The name of a member that is a ``Literal`` in every class, no value in two, if there is one.

    Args:
        members: Those of each class.
    """
    for tag in (member.name for member in members[0]):
        values = [_tag_values(tag, of_arm) for of_arm in members]
        distinct = {key for keys in values for key in keys}
        if all(values) and len(distinct) == sum(map(len, values)):
            return tag
    return None


def _tag_values(tag: str, members: list[Member]) -> list[tuple[type, Any]]:
    for member in members:
        if member.name == tag and get_origin(unwrapped(member.type)) is Literal:
            return list(literal_values(unwrapped(member.type)))
    return []


def _by_tag(tag: str, by_value: dict[tuple[type, Any], _Arm]) -> Hook:
    expected = one_of([value for _, value in by_value])

    def structure(value: Any, _: Any) -> Any:
        if tag not in value:
            raise Refusal(f"object with a member {quoted(tag)}, {expected}")
        found = value[tag]
        try:
            arm = by_value[found.__class__, found]
        except (KeyError, TypeError):
            raise Refusal(f"object whose {quoted(tag)} is {expected}") from None
        return arm.hook(value, arm.type)

    return structure


def _unique_member_hook(target: Any, arms: list[_Arm], members: list[list[Member]]) -> Hook:
    """A hook that chooses by a required member that no other class has; one may have none."""
    named = list(zip(unique_members(members), arms, strict=True))
    unique = [(name, arm) for name, arm in named if name is not None]
    rest = [arm for name, arm in named if name is None]
    if len(rest) > 1:
        first, second = (type_name(arm.type) for arm in rest[:2])
        raise UnsupportedType(
            target,
            f"can't tell {first} from {second}; give each a tag, such as "
            f'kind: Literal["{first.lower()}"], or a required field that the other has not',
        )
    names = [name for name, _ in unique]

    def structure(value: Any, _: Any) -> Any:
        chosen = [arm for name, arm in unique if name in value] or rest
        if len(chosen) != 1:
            raise Refusal(f"object with exactly one of {listed(names)}")
        return chosen[0].hook(value, chosen[0].type)

    return structure


def unique_members(members: list[list[Member]]) -> list[str | None]:
    """
    The name of a required member that no other class has, of each class; None if there is none.

    Args:
        members: Those of each class.
    """
    unique: list[str | None] = []
    for i, of_arm in enumerate(members):
        others = {m.name for j, others in enumerate(members) if j != i for m in others}
        own = (m.name for m in of_arm if m.is_required and m.name not in others)
        unique.append(next(own, None))
    return unique


def _expected(closed: dict[tuple[type, Any], Any], by_class: dict[type, _Arm]) -> str:
    kinds = [kind for cls, kind in KIND_OF_CLASS.items() if cls in by_class]
    choices = ([one_of([value for _, value in closed])] if closed else []) + kinds
    return " or ".join(choices)
