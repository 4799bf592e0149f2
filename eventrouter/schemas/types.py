"""The schema of a payload's type: what the hooks of its converter read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, get_args, get_origin

from attrs import Factory, define
from cattrs import Converter, StructureHandlerNotFoundError

from eventrouter.kinds import BOOLEAN, INTEGER, NULL, NUMBER, STRING
from eventrouter.schemas.constraints import constrained_schema
from eventrouter.schemas.definitions import Definitions
from eventrouter.schemas.descriptions import headings
from eventrouter.schemas.foreign import msgspec_schema, pydantic_schema
from eventrouter.schemas.keywords import Schema, any_of, only_code_tells
from eventrouter.schemas.records import named_tuple_schema, record_schema
from eventrouter.schemas.scalars import enum_schema, literal_schema, name_schema, scalar_schema
from eventrouter.schemas.unions import records_schema
from eventrouter.structuring.constraints import constraints_of
from eventrouter.structuring.containers import is_array, is_mapping, is_set, is_tuple
from eventrouter.structuring.foreign import is_msgspec, is_pydantic
from eventrouter.structuring.json_kinds import is_named_tuple, is_record, is_union, unwrapped
from eventrouter.structuring.refusal import is_own, type_name
from eventrouter.structuring.scalars import is_enum, is_literal


@define
class SchemaReader:
    """
    Reads schemas off types.

    Args:
        converter: What builds the types, in detailed mode. Of what it builds by a hook that is
            not this package's, only that hook could tell the schema.
        definitions: Where the schemas of named classes go.
    """

    converter: Converter
    definitions: Definitions = Factory(Definitions)

    def schema_of(self, target: Any) -> Schema:
        """The schema of a type; those of the classes in it are referred to."""
        if isinstance(target, TypeVar):
            return {}
        bare = unwrapped(target)
        for form in (target, bare):
            try:
                hook = self.converter.get_structure_hook(form)
            except (StructureHandlerNotFoundError, RecursionError):
                return only_code_tells(f"nothing is known of {type_name(form)}")
            given = getattr(hook, "json_schema", None)
            if given is not None:
                return dict(given)
            is_generated = hasattr(hook, "overrides") and is_record(bare)
            if not is_own(hook) and not is_generated:
                return only_code_tells(f"{type_name(form)} is read by a hook of its own")
        return constrained_schema(self._own_schema(bare), constraints_of(target), bare)

    def _own_schema(self, target: Any) -> Schema:
        if target is Any or target is object:
            return {}
        if is_literal(target):
            return literal_schema(target)
        if is_union(target):
            return self._union_schema(target)
        if is_pydantic(target):
            return pydantic_schema(target, self.definitions)
        if is_msgspec(target):
            return msgspec_schema(target, self.definitions)
        if is_enum(target):
            return self.definitions.refer(
                target, lambda _: {**headings(target), **enum_schema(target)}
            )
        if is_record(target):
            return self.definitions.refer(
                target, lambda _: record_schema(target, self.converter, self.schema_of)
            )
        if is_named_tuple(target):
            return self.definitions.refer(
                target, lambda _: named_tuple_schema(target, self.converter, self.schema_of)
            )
        scalar = scalar_schema(get_origin(target) or target)
        return self._container_schema(target) if scalar is None else scalar

    def _union_schema(self, target: Any) -> Schema:
        arms = get_args(target)
        if any(unwrapped(arm) is Any for arm in arms):
            return {}
        records = [unwrapped(arm) for arm in arms if is_record(unwrapped(arm))]
        if len(records) < 2:
            return any_of(map(self.schema_of, arms))
        rest = [arm for arm in arms if unwrapped(arm) not in records]
        told_apart = records_schema(records, self.converter, self.schema_of)
        return any_of([told_apart, *map(self.schema_of, rest)])

    def _container_schema(self, target: Any) -> Schema:
        arguments = get_args(target)
        if is_mapping(target):
            return self._mapping_schema(*(arguments or (str, Any)))
        if is_tuple(target) and arguments[1:] != (...,) and hasattr(target, "__args__"):
            return self._places_schema(arguments)
        if is_set(target):
            return _items_schema(self._member_schema(*arguments[:1] or (Any,)))
        if is_array(target) or is_tuple(target):
            return _items_schema(self.schema_of(*arguments[:1] or (Any,)))
        return only_code_tells(f"nothing is known of {type_name(target)}")

    def _member_schema(self, element: Any) -> Schema:
        # Arrays and objects can't be members of a set. A set may be sent with a member twice.
        schema = self.schema_of(element)
        return schema or {"type": [STRING, NUMBER, BOOLEAN, NULL]}

    def _mapping_schema(self, key: Any, value: Any) -> Schema:
        schema: Schema = {"type": "object"}
        names = self.schema_of(key)
        itself = self.definitions.resolved(names)
        if itself.get("type") == INTEGER:
            names = name_schema(itself)
        if names not in ({}, {"type": STRING}):
            schema["propertyNames"] = names
        values = self.schema_of(value)
        if values:
            schema["additionalProperties"] = values
        return schema

    def _places_schema(self, places: Iterable[Any]) -> Schema:
        schemas = list(map(self.schema_of, places))
        if not schemas:
            return {"type": "array", "maxItems": 0}
        return {
            "type": "array",
            "prefixItems": schemas,
            "items": False,
            "minItems": len(schemas),
        }


def _items_schema(items: Schema) -> Schema:
    return {"type": "array", "items": items} if items else {"type": "array"}
