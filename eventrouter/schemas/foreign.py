"""Schemas of classes that build themselves, as their own libraries tell them."""

from __future__ import annotations

from typing import Any

from eventrouter.schemas.definitions import Definitions
from eventrouter.schemas.keywords import Schema, only_code_tells


def pydantic_schema(target: Any, definitions: Definitions) -> Schema:
    """The schema of a pydantic model, in the mode that validates."""
    from pydantic import PydanticInvalidForJsonSchema, TypeAdapter

    def make(name: str) -> Schema:
        try:
            schema = TypeAdapter[Any](target).json_schema(ref_template=_template(name, "model"))
        except PydanticInvalidForJsonSchema as error:
            return only_code_tells(f"pydantic can't tell: {error.message}")
        return _taken_over(name, schema, definitions)

    return definitions.refer(target, make)


def msgspec_schema(target: Any, definitions: Definitions) -> Schema:
    """The schema of a msgspec struct."""
    from msgspec import json

    def make(name: str) -> Schema:
        try:
            schema = json.schema(target, ref_template=_template(name, "name"))
        except TypeError as error:
            return only_code_tells(f"msgspec can't tell: {error}")
        return _taken_over(name, schema, definitions)

    return definitions.refer(target, make)


def _template(owner: str, placeholder: str) -> str:
    return f"#/$defs/{owner}.{{{placeholder}}}"


def _taken_over(owner: str, schema: Schema, definitions: Definitions) -> Schema:
    """The schema, its definitions put beside the others."""
    for name, inner in schema.pop("$defs", {}).items():
        definitions.add(f"{owner}.{name}", inner)
    return schema
