"""Schemas of classes with named fields: attrs, dataclass, TypedDict, NamedTuple."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Any, Final, get_origin

import attrs
from cattrs import Converter

from eventrouter.errors import MalformedEvent
from eventrouter.json import encode
from eventrouter.schemas.descriptions import field_description, headings
from eventrouter.schemas.keywords import Schema, any_of, both, only_code_tells
from eventrouter.schemas.validators import validated
from eventrouter.structuring.records import Member, members_of

_NOTHING: Final = object()
# What these make is the same every time.
_CONTAINERS: Any = (list, dict, set, frozenset, tuple)

SchemaOf = Callable[[Any], Schema]


def record_schema(target: Any, converter: Converter, schema_of: SchemaOf) -> Schema:
    """
    The schema of the object that a class is built from.

    Args:
        target: The class.
        converter: What builds it.
        schema_of: Gives the schema of a type.
    """
    overrides: dict[str, Any] = getattr(converter.get_structure_hook(target), "overrides", {})
    properties: list[tuple[Member, Schema]] = []
    for member in members_of(target, converter):
        override = overrides.get(member.field)
        if override is not None and override.omit:
            continue
        schema = (
            only_code_tells(f"{member.field} is read by a hook of its own")
            if override is not None and override.struct_hook is not None
            else _property_schema(target, member, schema_of)
        )
        properties.append((member, _with_default(schema, target, member, converter)))
    return {**headings(target), **_object_schema(properties, converter)}


def named_tuple_schema(target: Any, converter: Converter, schema_of: SchemaOf) -> Schema:
    """
    The schema of a NamedTuple, of the object by name or the array by place.

    Args:
        target: The class.
        converter: What builds it.
        schema_of: Gives the schema of a type.
    """
    properties = [
        (member, _with_default(schema_of(member.type), target, member, converter))
        for member in members_of(target, converter)
    ]
    least = sum(member.is_required for member, _ in properties)
    places: Schema = {"type": "array", "items": False, "minItems": least}
    if properties:
        places["prefixItems"] = [schema for _, schema in properties]
    return {
        **headings(target),
        **any_of([_object_schema(properties, converter), places]),
    }


def _object_schema(properties: Iterable[tuple[Member, Schema]], converter: Converter) -> Schema:
    by_name: dict[str, Schema] = {}
    required: dict[str, None] = {}  # in order, each once
    for member, schema in properties:
        # Two fields may be built from one member.
        known = by_name.get(member.name)
        by_name[member.name] = schema if known is None else both(known, schema)
        if member.is_required:
            required[member.name] = None
    whole: Schema = {"type": "object", "properties": by_name, "required": list(required)}
    return {**whole, "additionalProperties": False} if converter.forbid_extra_keys else whole


def _property_schema(target: Any, member: Member, schema_of: SchemaOf) -> Schema:
    schema = schema_of(member.type)
    cls = get_origin(target) or target
    if attrs.has(cls):
        schema = validated(schema, attrs.fields_dict(cls)[member.field], member.type)
    description = field_description(member.type)
    return schema if description is None else {**schema, "description": description}


def _with_default(schema: Schema, target: Any, member: Member, converter: Converter) -> Schema:
    default = _default(get_origin(target) or target, member.field)
    if default is _NOTHING:
        return schema
    try:
        shown = json.loads(encode(converter.unstructure(default, member.type)))
    except (MalformedEvent, ValueError, TypeError, AttributeError, LookupError):
        return schema  # it is none of the type, or of no JSON
    if isinstance(default, (set, frozenset)):  # a set of strings is in another order each time
        shown = sorted(shown, key=encode)
    return {**schema, "default": shown}


def _default(cls: Any, field: str) -> Any:
    """The default of a field, if it is the same every time."""
    if attrs.has(cls):
        default: Any = attrs.fields_dict(cls)[field].default
        if hasattr(default, "takes_self"):  # a Factory
            return _made(default.factory)
        return _NOTHING if default is attrs.NOTHING else default
    if dataclasses.is_dataclass(cls):
        found = next(f for f in dataclasses.fields(cls) if f.name == field)
        if found.default_factory is not dataclasses.MISSING:
            return _made(found.default_factory)
        return _NOTHING if found.default is dataclasses.MISSING else found.default
    return getattr(cls, "_field_defaults", {}).get(field, _NOTHING)


def _made(factory: Any) -> Any:
    return factory() if factory in _CONTAINERS else _NOTHING
