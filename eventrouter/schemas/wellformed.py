"""Whether what stands in a file as a schema has the shape of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

_Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_schema(value: Any) -> bool:
    return isinstance(value, (dict, bool))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, cast("list[Any]", value)))


def _is_kind(value: Any) -> bool:
    return _is_text(value) or _are_texts(value)


def _is_discriminator(value: Any) -> bool:
    return isinstance(value, dict) and _is_text(cast("dict[str, Any]", value).get("propertyName"))


_ONE: Final = ("additionalProperties", "items", "propertyNames")
_SEVERAL: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "$defs", "definitions")
_NUMBERS: Final = (
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
)
_CHECKS: Final[dict[str, _Check]] = {
    "type": _is_kind,
    "enum": _is_list,
    "required": _are_texts,
    "discriminator": _is_discriminator,
    **dict.fromkeys(("$ref", "pattern", "format", "contentEncoding"), _is_text),
    **dict.fromkeys(_NUMBERS, _is_number),
    **dict.fromkeys(_ONE, _is_schema),
    **dict.fromkeys(_SEVERAL, _is_list),
    **dict.fromkeys(_NAMED, _is_object),
}


def misshapen(schema: Any) -> str | None:
    """The first keyword in a schema whose value can't be one, as a path; None if there is none."""
    to_do = [("", schema)]
    while to_do:
        path, schema = to_do.pop()
        if isinstance(schema, bool):
            continue
        if not isinstance(schema, dict):
            return path
        keywords = cast("dict[str, Any]", schema)
        for keyword, value in keywords.items():
            check = _CHECKS.get(keyword)
            if check is not None and not check(value):
                return f"{path}/{keyword}"
        to_do += _inside(path, keywords)
    return None


def _inside(path: str, keywords: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in _ONE:
        if keyword in keywords:
            yield f"{path}/{keyword}", keywords[keyword]
    for keyword in _SEVERAL:
        for index, inner in enumerate(keywords.get(keyword, ())):
            yield f"{path}/{keyword}/{index}", inner
    for keyword in _NAMED:
        for name, inner in keywords.get(keyword, {}).items():
            yield f"{path}/{keyword}/{name}", inner
