"""What the validators of attrs ask of a field, as far as a schema can say it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, EnumType
from typing import Any, cast, get_args, get_origin

from attrs import validators

from eventrouter.kinds import ARRAY, BOOLEAN, INTEGER, KIND_OF_CLASS, NULL, OBJECT, STRING
from eventrouter.schemas.constraints import (
    Untold,
    also_asking,
    bounded,
    is_a,
    of_arm,
    only_arm,
    sized,
    with_arm,
)
from eventrouter.schemas.keywords import Schema, both
from eventrouter.structuring.containers import is_array, is_mapping, is_set
from eventrouter.structuring.json_kinds import unwrapped

_validators = cast(Any, validators)


def _class_of(validator: Any) -> Any:
    return validator.__class__


# The classes of validators are no public names, the functions that make them are.
_Number: Any = _class_of(_validators.ge(0))
_MinLength: Any = _class_of(_validators.min_len(0))
_MaxLength: Any = _class_of(_validators.max_len(0))
_Matching: Any = _class_of(_validators.matches_re(""))
_In: Any = _class_of(_validators.in_(()))
_InstanceOf: Any = _class_of(_validators.instance_of(int))
_Optional: Any = _class_of(_validators.optional(_validators.ge(0)))
_And: Any = _class_of(_validators.and_())
_DeepIterable: Any = _class_of(_validators.deep_iterable(_validators.ge(0)))
_DeepMapping: Any = _class_of(_validators.deep_mapping(_validators.ge(0), _validators.ge(0)))

_KINDS: dict[Any, list[str]] = {
    str: [STRING],
    int: [INTEGER, BOOLEAN],  # to isinstance(), True is one
    bool: [BOOLEAN],
    list: [ARRAY],
    dict: [OBJECT],
    type(None): [NULL],
}
# What JSON Schema's patterns, those of ECMA-262, don't have: (?P<name>...), (?i), (?#...), \A, \Z,
# possessive and atomic groups.
_ONLY_PYTHON = re.compile(r"\(\?[^:=!<]|\(\?<[^=!]|\\[AZ]|[*+?}]\+")


def validated(schema: Schema, field: Any, type_: Any) -> Schema:
    """
    The schema of a field, with what its validators ask for.

    Args:
        schema: That of its type.
        field: The attrs field.
        type_: Its type.
    """
    if field.validator is None:
        return schema
    reading = _Reading()
    if field.converter is None:
        schema = reading.narrowed(schema, field.validator, type_)
    else:  # validators see what it makes of the value
        reading.untold.append(f"the converter of {field.name}")
    return also_asking(schema, reading.untold)


class _Reading:
    """Goes through the validators of one field, and notes those that only code can tell of."""

    def __init__(self) -> None:
        self.untold: list[str] = []

    def narrowed(self, schema: Schema, validator: Any, type_: Any) -> Schema:
        if isinstance(validator, _And):
            for inner in validator._validators:
                schema = self.narrowed(schema, inner, type_)
            return schema
        try:
            arm, inner = only_arm(unwrapped(type_)), of_arm(schema)
            if arm is not None and inner is not None:
                return self._nullable(schema, inner, validator, arm)
            if isinstance(validator, _Optional):
                return self.narrowed(schema, validator.validator, type_)
            return self._told(schema, validator, unwrapped(type_))
        except Untold:
            self.untold.append(_name(validator))
            return schema

    def _nullable(self, schema: Schema, inner: Schema, validator: Any, arm: Any) -> Schema:
        if isinstance(validator, _Optional):
            return with_arm(schema, self.narrowed(inner, validator.validator, arm))
        told = self._told(inner, validator, unwrapped(arm))
        return with_arm(schema, told) if _takes_none(validator) else told

    def _told(self, schema: Schema, validator: Any, target: Any) -> Schema:
        match validator:
            case _Number():
                name = validator.compare_func.__name__
                return bounded(schema, name, validator.bound, target)
            case _MinLength():
                if is_set(target):  # of which members may be sent twice
                    self.untold.append(_name(validator))
                return sized(schema, "min", validator.min_length, target)
            case _MaxLength() if not is_set(target):
                return sized(schema, "max", validator.max_length, target)
            case _Matching() if is_a(target, str):
                return both(schema, {"pattern": _pattern(validator)})
            case _In():
                return _chosen(schema, _options(validator, target))
            case _InstanceOf():
                return _of_class(schema, validator.type, target)
            case _DeepIterable() if is_array(target) or is_set(target):
                schema = self._inside(schema, "items", validator.member_validator, target, 0)
                return self._itself(schema, validator.iterable_validator, target)
            case _DeepMapping() if is_mapping(target):
                schema = self._inside(schema, "propertyNames", validator.key_validator, target, 0)
                schema = self._inside(
                    schema, "additionalProperties", validator.value_validator, target, 1
                )
                return self._itself(schema, validator.mapping_validator, target)
            case _:
                raise Untold

    def _inside(
        self, schema: Schema, keyword: str, validator: Any, target: Any, place: int
    ) -> Schema:
        if validator is None:
            return schema
        inner = get_args(target)[place] if get_args(target) else Any
        if keyword == "propertyNames" and not is_a(unwrapped(inner), str):
            raise Untold
        narrowed = self.narrowed(schema.get(keyword, {}), validator, inner)
        return {**schema, keyword: narrowed} if narrowed else schema

    def _itself(self, schema: Schema, validator: Any, target: Any) -> Schema:
        return schema if validator is None else self.narrowed(schema, validator, target)


def _takes_none(validator: Any) -> bool:
    if isinstance(validator, _In):
        return any(option is None for option in validator.options)
    return isinstance(validator, _InstanceOf) and isinstance(None, validator.type)


def _pattern(validator: Any) -> str:
    pattern: re.Pattern[Any] = validator.pattern
    text: Any = pattern.pattern
    is_plain = isinstance(text, str) and pattern.flags == re.UNICODE
    if not is_plain or _ONLY_PYTHON.search(text):
        raise Untold
    how = validator.match_func.__name__
    forms = {"fullmatch": f"^(?:{text})$", "match": f"^(?:{text})", "search": f"{text}"}
    return forms[how]


def _options(validator: Any, target: Any) -> list[Any]:
    """The JSON of the values that are chosen from."""
    given: Any = validator._original_options
    is_known = isinstance(given, (list, tuple, set, frozenset, dict, EnumType))
    if not is_known or not is_a(target, str, int, float, Enum):
        raise Untold
    options: list[Any] = []
    for option in cast("Iterable[Any]", given):
        if option is None:
            continue
        plain = option._value_ if isinstance(option, Enum) else option
        if not isinstance(option, target) or plain.__class__ not in KIND_OF_CLASS:
            raise Untold
        options.append(plain)
    # A set of strings is in another order in each process.
    return sorted(options) if isinstance(given, (set, frozenset)) else options


def _chosen(schema: Schema, options: list[Any]) -> Schema:
    if "enum" in schema:
        options = [value for value in schema["enum"] if value in options]
    return {**schema, "enum": options}


def _of_class(schema: Schema, wanted: Any, target: Any) -> Schema:
    if target is not Any:
        cls = get_origin(target) or target
        if isinstance(cls, type) and issubclass(cls, wanted):
            return schema
        raise Untold
    classes = cast("tuple[Any, ...]", wanted if isinstance(wanted, tuple) else (wanted,))
    kinds = [kind for cls in classes for kind in _KINDS.get(cls, [])]
    if not all(cls in _KINDS for cls in classes):
        raise Untold
    return {**schema, "type": kinds[0] if len(kinds) == 1 else kinds}


def _name(validator: Any) -> str:
    if type(validator).__module__ == "attr.validators":
        return type(validator).__name__.strip("_").removesuffix("Validator")
    return getattr(validator, "__qualname__", type(validator).__qualname__)
