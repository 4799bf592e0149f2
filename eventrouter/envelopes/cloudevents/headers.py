"""The context attributes of a CloudEvent in HTTP headers, as binary mode has them."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from eventrouter.envelope import Headers
from eventrouter.envelopes.cloudevents.attributes import Attributes, canonical
from eventrouter.errors import EventTooLarge, MalformedEvent, quoted
from eventrouter.limits import Limits

PREFIX: Final = "ce-"
_CONTENT_TYPE = "content-type"

# All of printable ASCII but the double quote and the percent sign.
_UNENCODED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_PRINTABLE = re.compile(r"[ -~]*")
_HALF_ENCODED = re.compile("%(?![0-9A-Fa-f]{2})")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def read_headers(headers: Headers, limits: Limits) -> dict[str, str]:
    """
    The attributes in headers, decoded and not checked otherwise.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#313-metadata-headers

    Raises:
        MalformedEvent: If a header is there twice or its value is not well encoded.
        EventTooLarge: If they are longer together than an event may be.
    """
    attributes: dict[str, str] = {}
    size = 0
    for header, value in headers.items():
        name = _attribute_name(header)
        if name is None:
            continue
        if name in attributes:
            raise MalformedEvent(f"the header {header.lower()} is there twice")
        if not _is_text(value):
            raise MalformedEvent(f"the header {header} is {type(value).__qualname__}, not text")
        attributes[name] = value if name == "datacontenttype" else _decoded(header, value)
        size += len(header) + len(value)
    if size > limits.max_bytes:
        raise EventTooLarge(
            f"the event's headers have {size:,} characters; "
            f"Limits(max_bytes={limits.max_bytes}) allows less"
        )
    return attributes


def write_headers(attributes: Attributes) -> dict[str, str]:
    """The headers that attributes lie in, the data's content type among them."""
    headers = {
        f"{PREFIX}{name}": percent_encoded(canonical(value))
        for name, value in attributes.items()
        if name != "datacontenttype"
    }
    if "datacontenttype" in attributes:
        headers["Content-Type"] = attributes["datacontenttype"]
    return headers


def percent_encoded(value: str) -> str:
    """The value as a header has it, which is ASCII."""
    return quote(value, safe=_UNENCODED)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _attribute_name(header: str) -> str | None:
    name = header.lower()
    if name == _CONTENT_TYPE:
        return "datacontenttype"
    if not name.startswith(PREFIX):
        return None
    if name == f"{PREFIX}datacontenttype":
        raise MalformedEvent(
            "the header ce-datacontenttype must not be there: Content-Type is where it lies"
        )
    return name.removeprefix(PREFIX)


# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values
def _decoded(header: str, value: str) -> str:
    text = value.strip(" \t")
    if not _PRINTABLE.fullmatch(text):
        raise MalformedEvent(f"the header {header} holds more than ASCII, not percent-encoded")
    if '"' in text:  # as versions before 1.0.2 wrote spaces and quotes
        if '"' in _QUOTED.sub("", text):
            raise MalformedEvent(f"the header {header} has a quote that does not end")
        text = _QUOTED.sub(lambda match: _ESCAPED.sub(r"\1", match[1]), text)
    if _HALF_ENCODED.search(text):
        raise MalformedEvent(
            f"the header {header} has a % without two hexadecimal digits: {quoted(text, 40)}"
        )
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise MalformedEvent(f"the header {header} is percent-encoded, but not UTF-8") from None
