"""What a signature scheme is, and how it reads the headers it is given."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, Protocol

from attrs import Attribute

from eventrouter.envelope import Headers, header
from eventrouter.errors import InvalidSignature, MalformedEvent, RegistrationError

# https://www.rfc-editor.org/rfc/rfc9110#name-tokens
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LONGEST: Final = 4096  # characters of a header; the most signatures of the longest kind need 2000


class Scheme(Protocol):
    """How a sender signs what it sends."""

    def verify(self, raw: bytes, headers: Headers, now: datetime | None = None) -> str:
        """
        Check the signature of what arrived, before anything of it is parsed.

        Args:
            raw: The body, byte for byte as it arrived.
            headers: The headers, their names in any case.
            now: When it arrived, with an offset; the time of the call if not given.

        Returns:
            What a ``Guard`` knows the delivery by: the id where the scheme signs one, or else a
            digest of all that is signed. It is equal for a delivery and its replay, and whoever
            has no secret can't change it.

        Raises:
            InvalidSignature: If a header is missing or malformed, no secret fits the signature,
                or it was made too long before or after ``now``.
        """
        ...


def refuse_no_header(_: Any, attribute: Attribute[Any], name: Any) -> None:
    """Raise ``RegistrationError`` for a field that can't be a header's name, or its beginning."""
    if not (isinstance(name, str) and _TOKEN.fullmatch(name)):
        raise RegistrationError(f"{attribute.name}={name!r}: a header can't have that name")


def find_header(headers: Headers, name: str) -> str | None:
    """
    The value of a header, its name in any case, or None.

    Raises:
        InvalidSignature: If the value is not text.
    """
    try:
        return header(headers, name)
    except MalformedEvent as error:
        raise InvalidSignature(error.reason) from None


def signed_header(headers: Headers, name: str) -> str:
    """
    The value of a header that a scheme needs.

    Raises:
        InvalidSignature: If it is missing, empty, too long or not ASCII.
    """
    value = find_header(headers, name)
    if not value:
        raise InvalidSignature(f"the header {name} is {'missing' if value is None else 'empty'}")
    if len(value) > _LONGEST:
        raise InvalidSignature(f"the header {name} has {len(value)} characters, over {_LONGEST}")
    if not value.isascii():
        raise InvalidSignature(f"the header {name} is not ASCII")
    return value
