"""The context attributes of a CloudEvent: which names and values they may have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from eventrouter.envelopes.media_types import is_media_type
from eventrouter.errors import MalformedEvent, quoted
from eventrouter.kinds import described

#: Values by name; none is null.
Attributes: TypeAlias = Mapping[str, Any]

SPECVERSION: Final = "1.0"

_NAME = re.compile(r"[a-z0-9]+")
_REQUIRED = ("specversion", "id", "source", "type")
_CORE = frozenset({*_REQUIRED, "time", "subject", "dataschema", "datacontenttype"})

# Control characters, halves of surrogate pairs, and what Unicode says is no character.
_NO_CHARACTER = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(
        f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)

# https://www.rfc-editor.org/rfc/rfc3986#appendix-A
_PERCENT = "%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|{_PERCENT})"
_REG_NAME = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|{_PERCENT})*"
_USER = rf"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|{_PERCENT})*@)?"
_IP_LITERAL = r"\[(?:[0-9A-Fa-f:.]+|[Vv][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
_WITH_AUTHORITY = rf"//{_USER}(?:{_IP_LITERAL}|{_REG_NAME})(?::[0-9]*)?(?:/{_PCHAR}*)*"
_PATH = rf"(?!//)(?:{_PCHAR}|/)*"
_SCHEME = "[A-Za-z][A-Za-z0-9+.-]*:"
_REST = rf"(?:{_PCHAR}|[/?])*"
_ABSOLUTE_URI = re.compile(rf"{_SCHEME}(?:{_WITH_AUTHORITY}|{_PATH})(?:\?{_REST})?")
_URI_REFERENCE = re.compile(
    # Of a relative path, the first segment has no colon, or it would be a scheme.
    rf"(?:{_SCHEME}(?:{_WITH_AUTHORITY}|{_PATH})|{_WITH_AUTHORITY}|(?![^/?#]*:){_PATH})"
    rf"(?:\?{_REST})?(?:#{_REST})?"
)

# Attribute -> what tells whether its text is right, and what would be right.
_RULES: dict[str, tuple[Callable[[str], Any], str]] = {
    "specversion": (SPECVERSION.__eq__, f'"{SPECVERSION}"'),
    "source": (_URI_REFERENCE.fullmatch, "a URI-reference by RFC 3986"),
    "dataschema": (_ABSOLUTE_URI.fullmatch, "an absolute URI by RFC 3986, without a fragment"),
    "datacontenttype": (is_media_type, "a media type by RFC 2046"),
}


def is_extension_name(name: str) -> bool:
    """Whether an extension attribute may have this name."""
    return _NAME.fullmatch(name) is not None and name not in _CORE and name != "data"


def check_attributes(attributes: Attributes) -> None:
    """
    Refuse attributes that the specification does.

    ``time`` is looked at by whoever reads the moment from it.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#context-attributes

    Raises:
        MalformedEvent: If one is missing, has a name that none may have, or a value of the wrong
            type or form.
    """
    for name in _REQUIRED:
        if name not in attributes:
            raise MalformedEvent(f"{name} is missing")
    for name, value in attributes.items():
        if name not in _CORE:
            _check_extension(name, value)
        elif name != "time":
            _check_core(name, value)


def canonical(value: Any) -> str:
    """
    The text of an attribute's value.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system
    """
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _check_core(name: str, value: Any) -> None:
    if value.__class__ is not str or not value:
        raise MalformedEvent(f"{name} must be a string that is not empty", described(value))
    _check_characters(name, value)
    is_right, expected = _RULES.get(name, (bool, ""))
    if not is_right(value):
        raise MalformedEvent(f"{name} must be {expected}", described(value))


def _check_extension(name: str, value: Any) -> None:
    if not is_extension_name(name):
        raise MalformedEvent(
            f"no attribute may be called {quoted(name)}: a name is lower-case letters a-z and "
            "digits, and not data"
        )
    kind = value.__class__
    if kind is str:
        _check_characters(name, value)
    elif kind is not bool and not (kind is int and -(2**31) <= value < 2**31):
        raise MalformedEvent(
            f"{name} must be a string, a boolean or an integer of 32 bits", described(value)
        )


def _check_characters(name: str, text: str) -> None:
    wrong = _NO_CHARACTER.search(text)
    if wrong is not None:
        raise MalformedEvent(
            f"{name} holds U+{ord(wrong[0]):04X}, which no attribute may: control characters, "
            "halves of surrogate pairs and noncharacters are refused"
        )
