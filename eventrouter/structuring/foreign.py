"""
Hooks for classes that build themselves: pydantic models and msgspec structs.

Neither library is imported unless the user's own classes come from it.
"""

from __future__ import annotations

import re
from typing import Any

from cattrs import Converter

from eventrouter.json import encode
from eventrouter.kinds import described
from eventrouter.paths import place
from eventrouter.structuring.collecting import group_of
from eventrouter.structuring.refusal import Hook, Refusal

# "Expected `str`, got `int` - at `$.items[0].name`"
_MSGSPEC_MESSAGE = re.compile(
    r"(?P<expected>.*?)(?:, got `?(?P<got>[^`]*)`?)?(?: - at `\$(?P<where>.*)`)?", re.DOTALL
)


def is_pydantic(target: Any) -> bool:
    """Whether the type is a pydantic model or a pydantic dataclass."""
    return isinstance(target, type) and hasattr(target, "__pydantic_validator__")


def is_msgspec(target: Any) -> bool:
    """Whether the type is a msgspec struct."""
    return isinstance(target, type) and hasattr(target, "__struct_fields__")


def pydantic_hook(target: Any, _: Converter) -> Hook:
    """A hook for a pydantic model, in pydantic's strict mode for JSON."""
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter[Any](target)

    def structure(value: Any, _: Any) -> Any:
        try:
            return adapter.validate_json(encode(value), strict=True)
        except ValidationError as error:
            refusals = [
                Refusal(
                    f"a value that pydantic takes ({details['msg']})",
                    "".join(map(place, details["loc"])),
                    "nothing" if details["type"] == "missing" else described(details["input"]),
                )
                for details in error.errors(include_url=False, include_context=False)
            ]
            raise group_of(refusals, target) from error

    return structure


def msgspec_hook(target: Any, _: Converter) -> Hook:
    """A hook for a msgspec struct, in msgspec's strict mode."""
    from msgspec import ValidationError, convert

    def structure(value: Any, _: Any) -> Any:
        try:
            return convert(value, target, strict=True, str_keys=True)
        except ValidationError as error:
            match = _MSGSPEC_MESSAGE.fullmatch(str(error))
            if match is None:
                raise
            expected = match["expected"].removeprefix("Expected ").replace("`", "")
            raise Refusal(expected, match["where"] or "", match["got"]) from error

    return structure


def unstructure_pydantic(value: Any) -> Any:
    """The JSON tree of a pydantic model."""
    from pydantic import TypeAdapter

    return TypeAdapter[Any](value.__class__).dump_python(value, mode="json")


def unstructure_msgspec(value: Any) -> Any:
    """The JSON tree of a msgspec struct."""
    from msgspec import to_builtins

    return to_builtins(value, str_keys=True)
