"""Putting schemas together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

#: A JSON Schema: an object of keywords.
Schema: TypeAlias = dict[str, Any]

#: https://json-schema.org/draft/2020-12
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def any_of(schemas: Iterable[Schema]) -> Schema:
    """What fits at least one of the schemas."""
    return _combined("anyOf", schemas)


def all_of(schemas: Iterable[Schema]) -> Schema:
    """What fits each of the schemas."""
    return _combined("allOf", schemas)


def _combined(keyword: str, schemas: Iterable[Schema]) -> Schema:
    distinct: list[Schema] = []
    for schema in schemas:
        if schema not in distinct:
            distinct.append(schema)
    return distinct[0] if len(distinct) == 1 else {keyword: distinct}


def both(schema: Schema, further: Schema) -> Schema:
    """What fits both, in one object where no keyword stands in both."""
    if schema.keys() & further.keys():
        return {**schema, "allOf": [*schema.get("allOf", ()), further]}
    return {**schema, **further}


def only_code_tells(why: str) -> Schema:
    """A schema that takes anything, saying why it does."""
    return {"$comment": why}
