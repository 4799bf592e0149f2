"""How an event lies in the fields of a stream's entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from struct import Struct
from struct import error as StructError
from typing import Final, TypeAlias

from attrs import frozen

#: The fields of an entry, as Redis gives them.
Fields: TypeAlias = Mapping[bytes, bytes]

#: The field in which FastStream keeps a whole message.
MESSAGE: Final = b"__data__"
#: What other producers call the field of the event; the others are its headers.
BODIES: Final = (b"data", b"payload", b"body", b"message", b"event")

_MAGIC = b"\x89BIN\x0d\x0a\x1a\x0a"
_VERSION = 1
_HEAD = Struct(">8sHII")  # the magic, the version, where the headers begin, where the body does
_SHORT = Struct(">H")
_BROKEN = "it begins as FastStream's format does, and is broken"
_LONGEST = 0xFFFF  # bytes of a header's name or value


@frozen
class Message:
    """
    What lies in the fields of an entry.

    Attributes:
        body: The bytes of the event.
        headers: What came with it.
        flaw: Why the fields hold no event; None if they do. The body then is all of them, as JSON
            that no envelope takes for an event.
    """

    body: bytes
    headers: dict[str, str]
    flaw: str | None = None


def read(fields: Fields) -> Message:
    """
    Read an event from the fields of an entry.

    They hold one in FastStream's format; or in a field ``data``, ``payload``, ``body``,
    ``message`` or ``event``, where the others are its headers; or are a single field.

    Args:
        fields: The fields.
    """
    whole = fields.get(MESSAGE)
    if whole is not None:
        return _read_whole(whole, fields)
    bodies = [name for name in BODIES if name in fields]
    if len(fields) == 1:
        bodies = list(fields)
    if len(bodies) == 1:
        headers = {_text(name): _text(fields[name]) for name in fields if name != bodies[0]}
        return Message(fields[bodies[0]], headers)
    names = ", ".join(name.decode() for name in BODIES)
    count = "several of its fields are" if bodies else "none of its fields is"
    return _flawed(fields, f"{count} the event, which lies in a field called one of {names}")


def write(body: bytes, headers: Mapping[str, str]) -> bytes:
    """
    Write a message as FastStream does, to be the field ``MESSAGE``.

    Args:
        body: The bytes of the event.
        headers: What goes with them.

    Raises:
        ValueError: If there are too many headers, or one is longer than 65,535 bytes.
    """
    texts = [text.encode() for pair in headers.items() for text in pair]
    if len(headers) > _LONGEST or any(len(text) > _LONGEST for text in texts):
        raise ValueError(f"there are at most {_LONGEST:,} headers, none longer than so many bytes")
    written = b"".join(_SHORT.pack(len(text)) + text for text in texts)
    start = _HEAD.size
    end = start + _SHORT.size + len(written)
    head = _HEAD.pack(_MAGIC, _VERSION, start, end)
    return head + _SHORT.pack(len(headers)) + written + body


def _read_whole(whole: bytes, fields: Fields) -> Message:
    if not whole.startswith(_MAGIC):
        return Message(whole, {})  # as FastStream takes it too
    try:
        _, version, start, end = _HEAD.unpack_from(whole)
        headers = _headers(whole[start:end])
    except StructError:
        return _flawed(fields, _BROKEN)
    if version != _VERSION:
        return _flawed(fields, f"it is in version {version} of FastStream's format, not in 1")
    return _flawed(fields, _BROKEN) if headers is None else Message(whole[end:], headers)


def _headers(data: bytes) -> dict[str, str] | None:
    """The headers that fill the data; None if nothing does."""
    (count,) = _SHORT.unpack_from(data)
    headers = _texts(data[_SHORT.size :], 2 * count)
    if headers is None:
        # FastStream itself writes how many characters a text has, and not how many bytes.
        headers = _texts(data[_SHORT.size :].decode("utf-8", "surrogateescape"), 2 * count)
    return headers


def _texts(data: bytes | str, count: int) -> dict[str, str] | None:
    texts = list[str]()
    offset = 0
    for _ in range(count):
        length = data[offset : offset + _SHORT.size]
        offset += _SHORT.size
        (size,) = _SHORT.unpack(_bytes(length))
        text = data[offset : offset + size]
        offset += size
        if len(text) < size:
            return None
        try:
            texts.append(text.decode() if isinstance(text, bytes) else _bytes(text).decode())
        except UnicodeDecodeError:
            return None
    if offset != len(data):
        return None
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _bytes(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _flawed(fields: Fields, flaw: str) -> Message:
    pairs = [[_text(name), _text(value)] for name, value in fields.items()]
    return Message(json.dumps(pairs).encode(), {}, flaw)
