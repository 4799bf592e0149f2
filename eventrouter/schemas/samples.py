"""
A JSON value that fits a schema, made up.

It reads the keywords that this package writes, and the commonest that pydantic and msgspec write.
The values come from polyfactory and Faker, which it brings along; neither reads a schema.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, cast

from eventrouter.kinds import NULL, OBJECT, STRING
from eventrouter.schemas.keywords import Schema
from eventrouter.schemas.scalars import NAME_OF_PATTERN

_SHALLOW = 3  # below that depth, nothing is made that need not be
_DEEPEST = 30
_MOST = 10_000  # values in one sample, those given up included
_FROM, _UNTIL = datetime(2024, 1, 1), datetime(2025, 1, 1)

#: Makes a text by a ``Faker``.
MakeText = Callable[[Any], str]


def _datetime(fake: Any) -> str:
    moment: datetime = fake.date_time_between(_FROM, _UNTIL)
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _base64(fake: Any) -> str:
    return b64encode(fake.word().encode()).decode()


_BY_FORMAT: dict[str, MakeText] = {
    "date-time": _datetime,
    "date": lambda fake: _datetime(fake)[:10],
    "time": lambda fake: _datetime(fake)[11:],
    "duration": lambda fake: f"PT{fake.random_int(1, 59)}M",
    "uuid": lambda fake: fake.uuid4(),
    "email": lambda fake: fake.ascii_safe_email(),
    "uri": lambda fake: f"https://example.com/{fake.word()}",
    "ipv4": lambda fake: fake.ipv4(),
    "ipv6": lambda fake: fake.ipv6(),
    "decimal": lambda fake: f"{fake.random_int(100, 99_999) / 100:.2f}",
    "binary": lambda fake: fake.word(),
}
# The patterns of this package, of which an example that people can read is better than any other.
_BY_PATTERN = {
    pattern: _BY_FORMAT[name] for pattern, name in NAME_OF_PATTERN.items() if name in _BY_FORMAT
}


class NoSample(Exception):
    """Raised where nothing was found that fits."""


class Sampler:
    """
    Makes up JSON values by one schema.

    Args:
        schema: The schema, with the ``$defs`` that it refers to.
        seed: Another number gives other values.

    Raises:
        ImportError: If polyfactory is not installed.
    """

    def __init__(self, schema: Schema, seed: int) -> None:
        from faker import Faker
        from polyfactory.value_generators.regex import RegexFactory

        self._schema = schema
        self._made = 0
        self._definitions: dict[str, Schema] = schema.get("$defs", {})
        self._fake: Any = Faker()
        self._fake.seed_instance(seed)
        self._random: Any = self._fake.random
        self._text_by_pattern: Any = RegexFactory(random=self._random, limit=5)

    def sample(self) -> Any:
        """
        A value that fits the schema.

        Raises:
            NoSample: If none was found.
        """
        self._made = 0
        return self._value(self._schema, 0)

    def _value(self, schema: Schema, depth: int) -> Any:
        self._made += 1
        if depth > _DEEPEST or self._made > _MOST:
            raise NoSample
        schema = self._flat(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chosen(schema["enum"])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._alternative(schema, keyword, depth)
        return self._of_kind(_kind(schema), schema, depth)

    def _of_kind(self, kind: str, schema: Schema, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return self._random.random() < 0.5
            case "null":
                return None
            case _:
                return self._string(schema)

    def _flat(self, schema: Schema) -> Schema:
        """The schema with what it refers to, and what else must fit, in one object."""
        parts = list(schema.get("allOf", ()))
        if "$ref" in schema:
            parts.insert(0, self._definitions[schema["$ref"].removeprefix("#/$defs/")])
        rest = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", "$defs")}
        return _merged([*map(self._flat, parts), rest]) if parts else rest

    def _alternative(self, schema: Schema, keyword: str, depth: int) -> Any:
        around = {name: value for name, value in schema.items() if name != keyword}
        arms: list[Schema] = list(schema[keyword])
        self._random.shuffle(arms)
        # What is there is more of an example than null, but for ever is too much.
        arms.sort(key=lambda arm: (arm == {"type": NULL}) == (depth < _SHALLOW))
        for arm in arms:
            try:
                return self._value({"allOf": [around, arm]}, depth + 1)
            except NoSample:
                continue
        raise NoSample

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        named: dict[str, Any] = {}
        for name, of_member in schema.get("properties", {}).items():
            if of_member is False or (name not in required and depth >= _SHALLOW):
                continue
            try:
                named[name] = self._value(of_member, depth + 1)
            except NoSample:
                if name in required:
                    raise
        least = schema.get("minProperties", 0 if named or depth >= _SHALLOW else 1)
        of_others = schema.get("additionalProperties", {})
        wanted = min(least, schema.get("maxProperties", least))
        if "properties" not in schema and of_others is not False:
            of_name = {"type": STRING, **schema.get("propertyNames", {})}
            for _ in range(10 * wanted):
                if len(named) < wanted:  # of few names, one may be made twice
                    name = self._value(of_name, depth + 1)
                    named[name] = self._value(of_others, depth + 1)
        return named

    def _chosen(self, values: list[Any]) -> Any:
        if not values:
            raise NoSample
        return self._random.choice(values)

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        places = schema.get("prefixItems", [])
        items = [self._value(place, depth + 1) for place in places]
        if schema.get("items") is False or schema.get("maxItems") == 0:
            return items
        wanted = max(schema.get("minItems", 0), 1 if depth < _SHALLOW else 0)
        missing = min(wanted, schema.get("maxItems", wanted)) - len(items)
        try:
            more = [self._value(schema.get("items", {}), depth + 1) for _ in range(missing)]
        except NoSample:
            if schema.get("minItems", 0) > len(items):
                raise
            more = []
        return items + more

    def _string(self, schema: Schema) -> str:
        pattern = schema.get("pattern")
        if pattern in _BY_PATTERN:
            return _BY_PATTERN[pattern](self._fake)
        if schema.get("contentEncoding") == "base64":
            return _base64(self._fake)
        if pattern is not None:
            return str(self._text_by_pattern(pattern))
        if schema.get("format") in _BY_FORMAT:
            return _BY_FORMAT[schema["format"]](self._fake)
        text = self._fake.word()
        while len(text) < schema.get("minLength", 1):
            text += f" {self._fake.word()}"
        return cast(str, text[: schema.get("maxLength", len(text))])

    def _integer(self, schema: Schema) -> int:
        low, high = _range(schema, 1)
        step: int = schema.get("multipleOf", 1)
        least, most = math.ceil(low / step), math.floor(high / step)
        if least > most:
            raise NoSample
        return int(self._random.randint(least, most) * step)

    def _number(self, schema: Schema) -> float:
        low, high = _range(schema, 0.01)
        return cast(float, round(self._random.uniform(low, high), 2))


def _kind(schema: Schema) -> str:
    kinds: Any = schema.get("type", OBJECT if "properties" in schema else STRING)
    return cast(str, kinds[0] if isinstance(kinds, list) else kinds)


def _range(schema: Schema, step: float) -> tuple[Any, Any]:
    """The least and the most that a number may be, both within reach."""
    lows = [schema["minimum"]] if "minimum" in schema else []
    lows += [schema["exclusiveMinimum"] + step] if "exclusiveMinimum" in schema else []
    highs = [schema["maximum"]] if "maximum" in schema else []
    highs += [schema["exclusiveMaximum"] - step] if "exclusiveMaximum" in schema else []
    low = max(lows) if lows else min([0, *(high - 100 for high in highs)])
    high = min(highs) if highs else low + 100
    if low > high:
        raise NoSample
    return low, high


def _merged(parts: Iterable[Schema]) -> Schema:
    """Several schemas as one; nearly, where both have a keyword."""
    whole: Schema = {}
    for part in parts:
        for keyword, value in part.items():
            if keyword == "properties" and keyword in whole:
                value = {**whole[keyword], **value}
            elif keyword == "required" and keyword in whole:
                value = [*whole[keyword], *value]
            elif keyword == "enum" and keyword in whole:
                value = [one for one in value if one in whole[keyword]]
            whole[keyword] = value
    return whole
