"""What a content type says of the data: whether it is JSON, and which text its bytes are."""

from __future__ import annotations

import re
from typing import Final

from eventrouter.errors import MalformedEvent, quoted

JSON: Final = "application/json"

# https://www.rfc-editor.org/rfc/rfc2045#section-5.1, with the empty parameters that
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.6 allows. White space stands at one place of
# the pattern only, so that it is tried one way only.
_TOKEN = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_MEDIA_TYPE = re.compile(
    rf"{_TOKEN}/{_TOKEN}[ \t]*(?:;[ \t]*(?:{_TOKEN}=(?:{_TOKEN}|{_QUOTED})[ \t]*)?)*"
)
_PARAMETER = re.compile(rf"({_TOKEN})=({_TOKEN}|{_QUOTED})")

# Python keeps every name that it is asked to look up, so it is asked for these alone.
_CHARSETS = frozenset(
    {
        "utf-8",
        "us-ascii",
        "iso-8859-1",
        "iso-8859-15",
        "windows-1252",
        "utf-16",
        "utf-16be",
        "utf-16le",
    }
)


def is_media_type(text: str) -> bool:
    """Whether it is a media type, with parameters or without."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def essence(content_type: str) -> str:
    """The media type in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().casefold()


def names_json(content_type: str) -> bool:
    """Whether data of this type is JSON: ``*/json`` or ``*/*+json``."""
    return essence(content_type).endswith(("/json", "+json"))


def encoded_text(text: str, content_type: str) -> bytes:
    """
    The bytes of a text by the charset of its content type, UTF-8 where it names none.

    Raises:
        MalformedEvent: If the charset is unknown, or has not all the characters.
    """
    charset = _charset(content_type)
    try:
        return text.encode(_known(charset))
    except (LookupError, UnicodeEncodeError):
        raise MalformedEvent(
            f"the data can't be written in the charset {quoted(charset)} of its datacontenttype"
        ) from None


def decoded_text(data: bytes, content_type: str) -> str | None:
    """The text of a type ``text/*`` if these bytes are exactly what it is encoded to, or None."""
    if not essence(content_type).startswith("text/"):
        return None
    charset = _charset(content_type)
    try:
        text = data.decode(_known(charset))
        return text if text.encode(charset) == data else None
    except (LookupError, UnicodeError):
        return None


def _charset(content_type: str) -> str:
    for name, value in _PARAMETER.findall(content_type):
        if name.casefold() == "charset":
            return str(value).strip('"')
    return "utf-8"


def _known(charset: str) -> str:
    if charset.casefold() not in _CHARSETS:
        raise LookupError(charset)
    return charset
