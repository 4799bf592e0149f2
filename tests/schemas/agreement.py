"""Whether a schema and a router say the same of a payload."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import cache
from itertools import combinations
from typing import Any
from uuid import UUID

from attrs import frozen
from cattrs import Converter
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from eventrouter import Router, Status, make_converter
from eventrouter.schemas.keywords import Schema
from eventrouter.timestamps import parse_datetime, parse_duration, parse_time


def schema_of(target: Any, converter: Converter | None = None) -> Schema:
    """The schema of a payload of that type."""
    router = Router(converter=converter)

    def handle(payload: Any) -> None: ...

    handle.__annotations__["payload"] = target
    router.add_route("order.paid", handle)
    return router.schema("order.paid")


def core_of(target: Any, converter: Converter | None = None) -> Schema:
    """The same without what it is headed by."""
    return {
        keyword: value
        for keyword, value in schema_of(target, converter).items()
        if keyword not in ("$schema", "title")
    }


def definition_of(target: Any, converter: Converter | None = None) -> Schema:
    """The schema of a class, out of the ``$defs``."""
    schema = schema_of(target, converter)
    name = schema["$ref"].removeprefix("#/$defs/")
    definition: Schema = schema["$defs"][name]
    return definition


def property_of(target: Any, name: str, converter: Converter | None = None) -> Schema:
    """The schema of a member of the object that a class is built from."""
    of_member: Schema = definition_of(target, converter)["properties"][name]
    return of_member


def validator_of(schema: Schema) -> Validator:
    """A validator by the draft, after checking the schema itself by its meta-schema."""
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@frozen
class Difference:
    """
    Something that a schema takes and the router does not.

    Args:
        what: What it is.
        why: Why the schema does not say so.
        is_in: Whether a JSON value alone is of that kind.
    """

    what: str
    why: str
    is_in: Callable[[Any], bool]


def values_in(payload: Any) -> Iterator[Any]:
    """All values in it, the names of members too."""
    yield payload
    if isinstance(payload, dict):
        for name, value in payload.items():
            yield name
            yield from values_in(value)
    elif isinstance(payload, list):
        for item in payload:
            yield from values_in(item)


def _is_text(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.search(pattern, value) is not None


_PARSERS: list[Callable[[str], Any]] = [
    Decimal,
    UUID,
    b64decode,
    parse_datetime,
    parse_time,
    parse_duration,
]


def _keys(name: str) -> set[Any]:
    """What a name may be built to."""
    found: set[Any] = set()
    for parse in _PARSERS:
        with suppress(ValueError, ArithmeticError):
            found.add(parse(name))
    return found


def _has_equal_names(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    keys = map(_keys, value)
    return any(one & other for one, other in combinations(keys, 2))


#: docs/schemas.md tells of the same, in the same words.
KNOWN = [
    Difference(
        "an integer written as `1.0`",
        "to JSON Schema it is the integer 1",
        lambda value: isinstance(value, float) and value.is_integer(),
    ),
    Difference(
        "an integer beyond any float, where a float is asked for",
        "the bound has 309 digits",
        lambda value: type(value) is int and abs(value) > 10**308,
    ),
    Difference(
        "a date-time whose moment in UTC is not in the years 1 to 9999",
        "a pattern can't subtract an offset",
        _is_text(r"^(0001-01-01|9999-12-31)"),
    ),
    Difference(
        "a duration of over 999,999,999 days",
        "a pattern can't add up",
        _is_text(r"^[+-]?P.*[0-9]{9}"),
    ),
    Difference(
        "an object with two spellings of one key, such as `1.0` and `1` of a `Decimal`",
        "a schema can't compare names",
        _has_equal_names,
    ),
    Difference(
        "a text that ends with a line break after all that a pattern asks for",
        "Python's `$` matches before it; that of ECMA-262, which JSON Schema asks for, does not",
        _is_text(r"\n$"),
    ),
]


def is_known(payload: Any) -> bool:
    """Whether a payload has something in it that a schema takes and the router does not."""
    return any(known.is_in(value) for value in values_in(payload) for known in KNOWN)


@cache
def _converter(forbid_extra_keys: bool) -> Converter:
    return make_converter(forbid_extra_keys=forbid_extra_keys)


class Both:
    """
    A schema, and the router it is of.

    Args:
        target: The type of the payload.
        forbid_extra_keys: Whether members that a class does not declare are refused.
    """

    def __init__(self, target: Any, *, forbid_extra_keys: bool = False) -> None:
        converter = _converter(forbid_extra_keys)
        self.router = Router(converter=converter)

        def handle(payload: Any) -> None: ...

        handle.__annotations__["payload"] = target
        self.router.add_route("order.paid", handle)
        self.schema = self.router.schema("order.paid")
        self._validator = validator_of(self.schema)

    def fits(self, payload: Any) -> bool:
        """Whether the schema takes it."""
        return self._validator.is_valid(payload)

    def takes(self, payload: Any) -> bool:
        """Whether the router takes it."""
        result = self.router.process_sync({"event_type": "order.paid", "payload": payload})
        return result.status is Status.HANDLED

    def assert_agreed(self, payload: Any) -> bool:
        """Whether both take it; they must agree, but for what is known."""
        fits, is_taken = self.fits(payload), self.takes(payload)
        assert fits or not is_taken, f"the router takes {payload!r}, the schema does not"
        assert is_taken or not fits or is_known(payload), (
            f"the schema takes {payload!r}, the router does not"
        )
        return is_taken
