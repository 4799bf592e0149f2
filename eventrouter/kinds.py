"""The kinds of JSON value, and how one is described in an error."""

from __future__ import annotations

from typing import Any

from eventrouter.errors import quoted

STRING, INTEGER, NUMBER = "string", "integer", "number"
BOOLEAN, NULL, ARRAY, OBJECT = "boolean", "null", "array", "object"

#: The class of a parsed JSON value -> its kind.
KIND_OF_CLASS: dict[type, str] = {
    str: STRING,
    int: INTEGER,
    float: NUMBER,
    bool: BOOLEAN,
    type(None): NULL,
    list: ARRAY,
    dict: OBJECT,
}
_LONGEST_NUMBER = 40  # characters shown


def described(value: Any) -> str:
    """The value's kind, with the value itself where it is short: ``string "abc"``."""
    kind = KIND_OF_CLASS.get(value.__class__)
    if kind is None:
        return type(value).__qualname__
    if kind == STRING:
        return f"string {quoted(value, 40)}"
    if kind == ARRAY:
        return f"array of {len(value)}"
    if kind in (OBJECT, NULL):
        return kind
    if kind == BOOLEAN:
        return f"boolean {str(value).lower()}"
    if kind == INTEGER and value.bit_length() > _LONGEST_NUMBER * 3:
        return f"integer of {value.bit_length()} bits"
    return f"{kind} {value!r}"
