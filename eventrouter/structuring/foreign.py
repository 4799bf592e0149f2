"""
Hooks for classes that build themselves: pydantic models and msgspec structs.

Neither library is imported unless the user's own classes come from it.
"""

from __future__ import annotations

import re
from typing import Any, cast, get_origin

from cattrs import Converter

from eventrouter.errors import MSGSPEC_VALUE, PYDANTIC_VALUE
from eventrouter.json import encode
from eventrouter.kinds import described
from eventrouter.paths import MISSING, place, step_into
from eventrouter.structuring.collecting import MOST, group_of
from eventrouter.structuring.refusal import Hook, Refusal

# "Expected `str`, got `int` - at `$.items[0].name`", "Invalid UUID - at `key` in `$.by_id`"
_MSGSPEC_MESSAGE = (
    r"(?:Expected (?P<expected>.*?)(?:, got (?P<got>.*?))?|(?P<other>.*?))"
    r"(?: - at (?P<key>key in )?\$(?P<where>.*))?"
)
_MSGSPEC_STEP = r"\[(?P<index>[0-9]+|\.\.\.)\]|\.(?P<name>[^.\[]+)"
_MOST_ITEMIZED = 1_000  # pydantic lists all its errors or none, some microseconds each


def is_pydantic(target: Any) -> bool:
    """Whether the type is a pydantic model or a pydantic dataclass."""
    cls = get_origin(target) or target
    return isinstance(cls, type) and hasattr(cls, "__pydantic_validator__")


def is_msgspec(target: Any) -> bool:
    """Whether the type is a msgspec struct."""
    cls = get_origin(target) or target
    return isinstance(cls, type) and hasattr(cls, "__struct_fields__")


def pydantic_hook(target: Any, converter: Converter) -> Hook:
    """A hook for a pydantic model, in pydantic's strict mode for JSON."""
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter[Any](target)

    def structure(value: Any, _: Any) -> Any:
        try:
            return adapter.validate_json(encode(value), strict=True)
        except ValidationError as error:
            if not converter.detailed_validation or error.error_count() > _MOST_ITEMIZED:
                found = f"{error.error_count():,} errors"
                raise Refusal(f"{PYDANTIC_VALUE} (it finds {found})") from error
            details = error.errors(include_url=False, include_context=False)[:MOST]
            raise group_of([_pydantic_refusal(d, value) for d in details], target) from error

    return structure


def _pydantic_refusal(details: Any, value: Any) -> Refusal:
    # A location also names the arm of a union, which is no member of the payload.
    where = ""
    for step in details["loc"]:
        below = step_into(value, step)
        if below is not MISSING:
            value, where = below, where + place(step)
    expected = f"{PYDANTIC_VALUE} ({details['msg']})"
    if details["type"] == "missing":
        return Refusal(expected, where + place(details["loc"][-1]), "nothing")
    return Refusal(expected, where, described(value))


def msgspec_hook(target: Any, _: Converter) -> Hook:
    """A hook for a msgspec struct, in msgspec's strict mode."""
    from msgspec import ValidationError, convert

    def structure(value: Any, _: Any) -> Any:
        try:
            return convert(value, target, strict=True, str_keys=True)
        except ValidationError as error:
            raise _msgspec_refusal(str(error), value) from error

    return structure


def _msgspec_refusal(message: str, value: Any) -> Refusal:
    plain = message.replace("`", "")
    match = cast("re.Match[str]", re.fullmatch(_MSGSPEC_MESSAGE, plain, re.DOTALL))
    expected = match["expected"] or f"{MSGSPEC_VALUE} ({match['other']})"
    if match["key"]:
        expected = f"{expected} as the name of a member"
        return Refusal(expected, match["where"], match["got"] or "another")
    where = ""
    for step in re.finditer(_MSGSPEC_STEP, match["where"] or ""):
        if step["index"] == "...":  # of some member, msgspec does not say which
            return Refusal(expected, match["where"], match["got"] or "another")
        index_or_name = step["name"] or int(step["index"])
        value, where = step_into(value, index_or_name), where + place(index_or_name)
    return Refusal(expected, where, "another" if value is MISSING else described(value))


def unstructure_pydantic(value: Any) -> Any:
    """The JSON tree of a pydantic model."""
    from pydantic import TypeAdapter

    return TypeAdapter[Any](value.__class__).dump_python(value, mode="json", by_alias=True)


def unstructure_msgspec(value: Any) -> Any:
    """The JSON tree of a msgspec struct."""
    from msgspec import to_builtins

    return to_builtins(value, str_keys=True)
