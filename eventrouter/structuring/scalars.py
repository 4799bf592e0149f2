"""Strict hooks for what is one JSON string, number, boolean or null."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, EnumType, Flag
from typing import Any, Literal, cast, get_args, get_origin
from uuid import UUID

from cattrs import Converter

from eventrouter.errors import listed
from eventrouter.structuring.refusal import Hook, Refusal, UnsupportedType
from eventrouter.timestamps import (
    format_datetime,
    format_duration,
    parse_date,
    parse_datetime,
    parse_duration,
    parse_time,
)

_DECIMAL = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?"
_UUID = r"(?i)[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}"
_LONGEST_DECIMAL = 1_000  # characters


def register(converter: Converter) -> None:
    """Teach the converter the scalar types, both ways."""
    converter.register_structure_hook(str, _structure_str)
    converter.register_structure_hook(int, _structure_int)
    converter.register_structure_hook(float, _structure_float)
    converter.register_structure_hook(bool, _structure_bool)
    converter.register_structure_hook(bytes, _structure_bytes)
    converter.register_structure_hook(type(None), _structure_null)
    for target, expected, parse in (
        (datetime, "an RFC 3339 date-time with an offset", parse_datetime),
        (date, "an RFC 3339 date", parse_date),
        (time, "an RFC 3339 time", parse_time),
        (timedelta, "an ISO 8601 duration without years and months", parse_duration),
        (UUID, "a UUID", _parse_uuid),
    ):
        converter.register_structure_hook(target, _text_hook(target, expected, parse))
    converter.register_structure_hook(Decimal, structure_decimal)

    converter.register_unstructure_hook(datetime, format_datetime)
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_unstructure_hook(time, time.isoformat)
    converter.register_unstructure_hook(timedelta, format_duration)
    converter.register_unstructure_hook(UUID, str)
    converter.register_unstructure_hook(Decimal, Decimal.__str__)
    converter.register_unstructure_hook(bytes, _unstructure_bytes)


# cattrs finds a hook by the class or by its base, so that these serve ``class Id(str)`` too, and
# an enum that mixes ``str`` in.


def _structure_str(value: Any, target: Any) -> Any:
    if target is not str and is_enum(target):
        return structure_member(value, target)
    if value.__class__ is not str:
        value = _text_in_bytes(value)
    return value if target is str else target(value)


# JSON has no bytes: they are the whole payload of an event that is not JSON.
def _text_in_bytes(value: Any) -> str:
    if value.__class__ is not bytes:
        raise Refusal("string")
    try:
        return cast(str, value.decode())
    except UnicodeDecodeError:
        raise Refusal("text in UTF-8") from None


def _structure_int(value: Any, target: Any) -> Any:
    if target is not int and is_enum(target):
        return structure_member(value, target)
    if value.__class__ is not int:
        raise Refusal("integer")
    return value if target is int else target(value)


def _structure_float(value: Any, target: Any) -> Any:
    if value.__class__ is int:  # JSON has one kind of number: 1 may be written for 1.0
        try:
            value = float(value)
        except OverflowError:
            raise Refusal("number that a float can hold") from None
    if value.__class__ is not float:
        raise Refusal("number")
    return value if target is float else _as_subclass(value, target)


def _structure_bool(value: Any, _: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise Refusal("boolean")


def _structure_null(value: Any, _: Any) -> None:
    if value is not None:
        raise Refusal("null")


def _structure_bytes(value: Any, target: Any) -> Any:
    decoded = value if value.__class__ is bytes else _of_base64(_text(value))
    return decoded if target is bytes else _as_subclass(decoded, target)


def _of_base64(text: str) -> bytes:
    # Python takes padding after what needs none: "aGkh=".
    if not (len(text) % 4 or text.endswith("===")):
        try:
            return b64decode(text, validate=True)
        except ValueError:
            pass  # said below
    raise Refusal("base64 in a string")


def _unstructure_bytes(value: bytes) -> str:
    return b64encode(value).decode()


def structure_decimal(value: Any, target: Any = Decimal) -> Any:
    """The number that a JSON string or integer is; raise ``Refusal`` for anything else."""
    if value.__class__ is str and len(value) <= _LONGEST_DECIMAL:
        # Most are digits around a point; that is told without matching.
        if (value.strip("0123456789") == "." != value) or re.fullmatch(_DECIMAL, value):
            return Decimal(value) if target is Decimal else _as_subclass(Decimal(value), target)
    # A JSON number with a point was read as a float, whose digits are no longer the sender's.
    elif value.__class__ is int:
        return Decimal(value) if target is Decimal else _as_subclass(Decimal(value), target)
    raise Refusal("decimal number in a string, or integer")


def _text(value: Any, expected: str = "string") -> str:
    if value.__class__ is str:
        return cast(str, value)
    raise Refusal(expected)


def _text_hook(cls: type, expected: str, parse: Callable[[str], Any]) -> Hook:
    def structure(value: Any, target: Any) -> Any:
        try:
            parsed = parse(value)
        except (ValueError, TypeError):  # or it is no text
            raise Refusal(expected if value.__class__ is str else "string") from None
        if target is cls:
            return parsed
        return structure_member(parsed, target) if is_enum(target) else parsed

    hook: Any = structure
    hook.parse = parse  # for whoever knows that the type is no enum
    return structure


def _parse_uuid(text: str) -> UUID:
    if re.fullmatch(_UUID, text) is None:
        raise ValueError(text)
    return UUID(text)


def is_enum(target: Any) -> bool:
    """Whether the type is an enum."""
    return isinstance(target, type) and issubclass(target, Enum)


def _as_subclass(value: Any, target: Any) -> Any:
    return structure_member(value, target) if is_enum(target) else target(value)


def structure_member(value: Any, target: type[Enum]) -> Enum:
    """The enum's member with that value, of that very type: ``true`` is no ``1``."""
    if issubclass(target, Flag) and not _is_of_flags(value, target):
        raise _no_member(target)
    try:
        member = target(value)
    except ValueError:
        raise _no_member(target) from None
    # By ``_value_``, as ``value`` may be overridden to give something else.
    if type(member._value_) is not type(value):
        raise _no_member(target)
    return member


def _is_of_flags(value: Any, target: type[Flag]) -> bool:
    # A flag remembers every value it was asked for, so that it is asked for its own only.
    known = 0
    for member in target:
        known |= member._value_
    return value.__class__ is int and not value & ~known


def _no_member(target: type[Enum]) -> Refusal:
    return Refusal(one_of([member._value_ for member in target]))


def enum_hook(target: type[Enum], _: Converter) -> Hook:
    """A hook for an enum, read by the value of its members."""
    for member in target:
        if not isinstance(member._value_, (str, int, float, type(None))):
            raise UnsupportedType(
                target, f"the value of {member.name} is no JSON string, number, boolean or null"
            )
    if not is_closed(target):
        return structure_member
    return _choosing(enum_values(target))


def _choosing(allowed: dict[tuple[type, Any], Any]) -> Hook:
    expected = one_of([value for _, value in allowed])

    def structure(value: Any, _: Any) -> Any:
        try:
            return allowed[value.__class__, value]
        except (KeyError, TypeError):  # a list is not hashable
            raise Refusal(expected) from None

    return structure


def enum_values(target: Any) -> dict[tuple[type, Any], Any]:
    """(JSON type, JSON value) -> the member it stands for, of an enum."""
    return {(type(member._value_), member._value_): member for member in target}


def is_closed(target: Any) -> bool:
    """Whether the members of an enum are found by their values alone."""
    plain: Any = Enum
    looks_for_more = target._missing_.__func__ is not plain._missing_.__func__
    # A flag looks for more, and the class of an enum may look its members up otherwise.
    return not looks_for_more and type(target) is EnumType and not issubclass(target, Flag)


def is_literal(target: Any) -> bool:
    """Whether the type is a ``Literal``."""
    return get_origin(target) is Literal


def literal_hook(target: Any, _: Converter) -> Hook:
    """A hook for a ``Literal``, whose values are matched with their type."""
    return _choosing(literal_values(target))


def literal_values(target: Any) -> dict[tuple[type, Any], Any]:
    """(JSON type, JSON value) -> what it stands for, of a ``Literal``."""
    allowed: dict[tuple[type, Any], Any] = {}
    for value in get_args(target):
        plain = value._value_ if isinstance(value, Enum) else value
        if not isinstance(plain, (str, int, type(None))):
            raise UnsupportedType(target, f"{value!r} is no JSON string, integer, boolean or null")
        allowed[type(plain), plain] = value
    return allowed


def one_of(values: list[Any]) -> str:
    """The values as an expectation: ``one of "red", "green"``."""
    if all(isinstance(value, str) for value in values):
        texts = listed(cast("list[str]", values))
    else:
        texts = ", ".join(json.dumps(value, default=repr) for value in values[:20])
    return f"one of {texts}" if len(values) > 1 else texts
