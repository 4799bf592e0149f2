"""JSON values made up by a schema."""

from __future__ import annotations

from typing import Any

import pytest

from eventrouter.schemas.samples import NoSample, Sampler
from tests.schemas.agreement import validator_of

pytest.importorskip("polyfactory")

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
NODE = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
    "required": ["next"],
}
SCHEMAS: list[dict[str, Any]] = [
    {},
    {"const": 5},
    {"enum": ["a", "b"]},
    {"type": ["integer", "null"]},
    {"type": "boolean"},
    {"type": "null"},
    {**STRING, "minLength": 30, "maxLength": 31},
    {**STRING, "maxLength": 0},
    {**STRING, "pattern": "^a{3,5}b?$"},
    *({**STRING, "format": name} for name in ("email", "uri", "ipv4", "ipv6", "uuid", "binary")),
    *({**STRING, "format": name} for name in ("date-time", "date", "time", "duration", "decimal")),
    {**STRING, "format": "of-nobody"},
    {**INTEGER, "minimum": 7, "maximum": 7},
    {**INTEGER, "maximum": -50},
    {**INTEGER, "exclusiveMinimum": 4, "exclusiveMaximum": 6},
    {**INTEGER, "minimum": 10, "maximum": 20, "multipleOf": 7},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"oneOf": [STRING, INTEGER]},
    {"allOf": [{"minimum": 3}, INTEGER, {"maximum": 4}]},
    {"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]},
    {"type": "array", "items": INTEGER, "minItems": 3},
    {"type": "array", "prefixItems": [STRING], "items": INTEGER, "minItems": 2},
    {"type": "array", "prefixItems": [STRING], "items": False},
    {"type": "array", "maxItems": 0},
    {"type": "object", "minProperties": 2, "propertyNames": {"enum": ["a", "b", "c"]}},
    {"type": "object", "maxProperties": 0},
    {"properties": {"a": STRING, "b": False}},
    {
        "allOf": [
            {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
            {"type": "object", "properties": {"b": INTEGER}, "required": ["b"]},
        ]
    },
    {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
    {
        "$ref": "#/$defs/List",
        "$defs": {"List": {"type": "array", "items": {"$ref": "#/$defs/List"}}},
    },
    {
        "$ref": "#/$defs/Tree",
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {
                    "value": INTEGER,
                    "never": {"type": "integer", "minimum": 2, "maximum": 1},
                    "few": {"type": "array", "items": {**INTEGER, "minimum": 2, "maximum": 1}},
                },
                "required": ["value"],
            }
        },
    },
]
NEVER: list[dict[str, Any]] = [
    {**INTEGER, "minimum": 2, "maximum": 1},
    {**INTEGER, "minimum": 8, "maximum": 9, "multipleOf": 7},
    {"allOf": [{"enum": [1]}, {"enum": [2]}]},
    {"anyOf": [{**INTEGER, "minimum": 2, "maximum": 1}]},
    {"type": "array", "items": {**INTEGER, "minimum": 2, "maximum": 1}, "minItems": 1},
    {"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]},
    {
        "$ref": "#/$defs/Twice",
        "$defs": {
            "Twice": {
                "type": "object",
                "properties": {
                    "next": {"anyOf": [{"$ref": "#/$defs/Twice"}, {"$ref": "#/$defs/Once"}]}
                },
                "required": ["next"],
            },
            "Once": {"type": "array", "prefixItems": [{"$ref": "#/$defs/Twice"}]},
        },
    },
    {
        "$ref": "#/$defs/Endless",
        "$defs": {
            "Endless": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/Endless"}},
                "required": ["next"],
            }
        },
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_what_is_made_up_fits(schema: dict[str, Any]) -> None:
    validator = validator_of(schema)

    for seed in range(10):
        value = Sampler(schema, seed).sample()
        assert validator.is_valid(value), value


@pytest.mark.parametrize("schema", NEVER, ids=str)
def test_what_nothing_fits_has_no_sample(schema: dict[str, Any]) -> None:
    with pytest.raises(NoSample):
        Sampler(schema, 0).sample()
