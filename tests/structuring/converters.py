"""Converters to build with, and what a payload builder says of what it refuses."""

from __future__ import annotations

from typing import Any

from cattrs import Converter, StructureHandlerNotFoundError

from eventrouter import Event, InvalidPayload, make_converter
from eventrouter.errors import Mismatch
from eventrouter.payload import PayloadConverter, make_builder

DETAILED = make_converter()
FIRST_ONLY = DETAILED.copy(detailed_validation=False)


def build(value: Any, target: Any, converter: Converter = DETAILED) -> Any:
    """The payload as a router builds it."""
    builder = make_builder(target, PayloadConverter(converter))
    return builder(Event("order.paid", value))


def errors_of(value: Any, target: Any, converter: Converter = DETAILED) -> tuple[Mismatch, ...]:
    """Why a router refuses the payload."""
    try:
        built = build(value, target, converter)
    except InvalidPayload as error:
        return error.errors
    raise AssertionError(f"it was built: {built!r}")


def mismatches(value: Any, target: Any, converter: Converter = DETAILED) -> list[str]:
    """Why a router refuses the payload, as text."""
    return list(map(str, errors_of(value, target, converter)))


def refuses(converter: Converter, value: Any, target: Any) -> bool:
    """Whether the converter refuses the value, for what it is."""
    try:
        converter.structure(value, target)
    except (StructureHandlerNotFoundError, NameError, RecursionError):
        raise
    except Exception:
        return True
    return False
