"""Schemas of several classes in one union, told apart as the hook tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cattrs import Converter

from eventrouter.schemas.keywords import Schema
from eventrouter.structuring.records import members_of
from eventrouter.structuring.unions import shared_tag, unique_members


def records_schema(
    records: Sequence[Any], converter: Converter, schema_of: Callable[[Any], Schema]
) -> Schema:
    """
    The schema of a union of classes.

    Where a tag tells them apart, ``discriminator`` names it as in OpenAPI, which means nothing to
    a validator. https://spec.openapis.org/oas/v3.1.1#discriminator-object

    Args:
        records: The classes.
        converter: What builds them.
        schema_of: Gives the schema of a type.
    """
    members = [members_of(record, converter) for record in records]
    schemas = list(map(schema_of, records))
    tag = shared_tag(members)
    if tag is not None:
        # The tag must be there even where the class has a default for it.
        return {
            "type": "object",
            "required": [tag],
            "discriminator": {"propertyName": tag},
            "anyOf": schemas,
        }
    unique = unique_members(members)
    return {
        "anyOf": [
            {**schema, "properties": {other: False for other in unique if other not in (None, own)}}
            for schema, own in zip(schemas, unique, strict=True)
        ]
    }
