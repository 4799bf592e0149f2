"""
Schemas of what is one JSON string, number, boolean or null.

A pattern says all that the hook asks of the text, as far as a pattern can. The formats of JSON
Schema stand beside it where the hook takes nothing that the format refuses: a validator may
assert them. https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from typing import Any, Final
from uuid import UUID

from eventrouter.kinds import INTEGER, KIND_OF_CLASS
from eventrouter.schemas.keywords import Schema
from eventrouter.structuring.scalars import enum_values, is_closed, literal_values

# They keep to what Python's patterns and ECMA-262's mean alike, as JSON Schema asks for the latter.
_DAY = (
    r"(?:(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_OFFSET = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_DURATION = (
    r"[+-]?P(?=[0-9T])(?:[0-9]+W)?(?:[0-9]+D)?"
    r"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)?"
)
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32}"
_DECIMAL = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?"
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_INTEGER = r"-?(?:0|[1-9][0-9]*)"


def _text(pattern: str, **more: Any) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$", **more}


_SCALARS: dict[type, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    bytes: _text(_BASE64, contentEncoding="base64"),
    datetime: _text(f"{_DAY}[Tt]{_TIME}{_OFFSET}", format="date-time"),
    date: _text(_DAY, format="date"),
    time: _text(f"{_TIME}{_OFFSET}?"),
    timedelta: _text(_DURATION, maxLength=64),
    UUID: _text(_UUID),
    Decimal: {"type": ["string", "integer"], "pattern": f"^(?:{_DECIMAL})$", "maxLength": 1_000},
}

_NAMES: dict[type, str] = {
    datetime: "date-time",
    date: "date",
    time: "time",
    timedelta: "duration",
    UUID: "uuid",
    Decimal: "decimal",
    bytes: "base64",
}
#: What is written as text -> what that is called, as a format of JSON Schema where there is one.
NAME_OF_PATTERN: Final = {_SCALARS[cls]["pattern"]: name for cls, name in _NAMES.items()}


def scalar_schema(cls: type) -> Schema | None:
    """The schema of a class, or of the one it inherits from, if that is written as a scalar."""
    found = next((base for base in cls.__mro__ if base in _SCALARS), None)
    return None if found is None else deepcopy(_SCALARS[found])


def literal_schema(target: Any) -> Schema:
    """The schema of a ``Literal``."""
    return values_schema(value for _, value in literal_values(target))


def enum_schema(target: type[Enum]) -> Schema:
    """The schema of an enum."""
    if issubclass(target, Flag):
        return _flag_schema(target)
    values = [value for _, value in enum_values(target)]
    if any(value.__class__ not in KIND_OF_CLASS for value in values):
        schema = scalar_schema(target) or {}
        return {**schema, "$comment": f"only the values of the members of {target.__qualname__}"}
    schema = values_schema(values)
    if is_closed(target):
        return schema
    del schema["enum"]
    return {**schema, "$comment": f"{target.__qualname__} looks its members up in code"}


def _flag_schema(target: type[Flag]) -> Schema:
    known = 0
    for member in target:
        known |= member.value
    schema: Schema = {"type": INTEGER, "minimum": 0, "maximum": known}
    if known & (known + 1):
        schema["$comment"] = f"only sums of the members of {target.__qualname__}"
    return schema


def values_schema(values: Iterable[Any]) -> Schema:
    """The schema of some JSON scalars, with their kinds: ``true`` is no ``1``."""
    listed = list(values)
    kinds = list(dict.fromkeys(KIND_OF_CLASS[value.__class__] for value in listed))
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": listed}


def name_schema(key: Schema) -> Schema:
    """
    The schema of the names of members that an integer is built from.

    Args:
        key: The schema of the integer.
    """
    if "enum" not in key:
        schema = _text(_INTEGER, maxLength=40)
        if key.keys() != {"type"}:
            schema["$comment"] = "also asked in code: the bounds of the integer"
        return schema
    names = list(map(str, key["enum"]))
    return {"type": "string", "enum": [*names, "-0"] if "0" in names else names}
