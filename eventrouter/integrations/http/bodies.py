"""Reading a body: no further than the limit, however it was sent."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

from eventrouter.integrations.http.answers import Answer, Refused, problem

_ZLIB = zlib.MAX_WBITS
_GZIP = 16 + zlib.MAX_WBITS

#: Content coding (RFC 9110, section 8.4.1) -> what zlib knows it by, or None for no coding.
CODINGS: Final[Mapping[str, int | None]] = {
    "identity": None,
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": _ZLIB,
}


class Chunks:
    """
    A body in the making.

    Args:
        most: The bytes it may have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._body = bytearray()  # a list of chunks could take many times the body

    def add(self, chunk: bytes) -> None:
        """
        Take the next bytes.

        Raises:
            Refused: If these are too many.
        """
        if len(self._body) + len(chunk) > self._most:
            raise Refused(too_large(self._most))
        self._body += chunk

    def whole(self) -> bytes:
        """All of it."""
        return bytes(self._body)


def decoded(body: bytes, coding: str, most: int) -> bytes:
    """
    Undo the content coding, as far as the limit.

    Args:
        body: The body as it was sent.
        coding: One of ``CODINGS``, or nothing.
        most: The bytes that it may have without the coding.

    Raises:
        Refused: If it is not so coded, is not whole, or has more bytes.
    """
    bits = CODINGS.get(coding)
    if bits is None:
        return body
    inflating = zlib.decompressobj(bits)
    try:
        plain = inflating.decompress(body, most + 1)
    except zlib.error:
        raise Refused(problem(400, f"the body is not {coding}")) from None
    if len(plain) > most:
        raise Refused(too_large(most))
    if not inflating.eof:
        raise Refused(problem(400, f"the body ends in the middle of its {coding}"))
    if inflating.unused_data:
        raise Refused(problem(400, f"something follows the {coding} of the body"))
    return plain


def too_large(most: int) -> Answer:
    """The answer to a body with more bytes than ``most``."""
    return problem(413, f"the body is over {most:,} bytes")
