"""What every store refuses to be called with."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from attrs import Attribute

from eventrouter.errors import RegistrationError, StoreError

#: The characters that a key may have: PostgreSQL indexes no text much longer.
LONGEST_KEY = 512


def checked_key(key: str) -> None:
    """
    Refuse a key that some store could not keep.

    Raises:
        StoreError: If it is empty, too long, or has characters that are no text.
    """
    if not key:
        raise StoreError("a key is empty; make one with make_key()")
    if len(key) > LONGEST_KEY:
        raise StoreError(
            f"a key has {len(key):,} characters, at most {LONGEST_KEY} can be kept; make it with "
            "make_key(), which shortens it"
        )
    if "\0" in key or (not key.isascii() and _has_surrogates(key)):
        raise StoreError(
            "a key has a null character or half of a surrogate pair, which databases refuse; make "
            "it with make_key(), which escapes them"
        )


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def checked_seconds(name: str, seconds: Any) -> None:
    """
    Refuse what is no number of seconds over 0.

    Raises:
        RegistrationError: If it is not.
    """
    if not _is_number(seconds) or not 0 < seconds < math.inf:
        raise RegistrationError(f"{name}={seconds!r}: it is a number of seconds over 0")


def refuse_no_seconds(_: Any, attribute: Attribute[Any], seconds: Any) -> None:
    """Do what ``checked_seconds`` does, as the validator of a field."""
    checked_seconds(attribute.name, seconds)


def checked_delay(seconds: Any, name: str = "delay") -> None:
    """
    Refuse what is no number of seconds from 0.

    Raises:
        RegistrationError: If it is not.
    """
    if not _is_number(seconds) or not 0 <= seconds < math.inf:
        raise RegistrationError(f"{name}={seconds!r}: it is a number of seconds from 0")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def checked_limit(limit: Any, name: str = "limit") -> None:
    """
    Refuse what is no number from 1.

    Raises:
        RegistrationError: If it is not.
    """
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise RegistrationError(f"{name}={limit!r}: it is a whole number from 1")


def checked_time(name: str, time: Any) -> None:
    """
    Refuse what is no point in time.

    Raises:
        RegistrationError: If it is no ``datetime``, or one without an offset.
    """
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise RegistrationError(f"{name}={time!r}: it is a datetime with an offset from UTC")


def number_of(id: str) -> int | None:
    """The number that an id is the decimal text of, or None if it is none that a store gave."""
    is_number = id.isascii() and id.isdecimal() and len(id) < 19
    return int(id) if is_number and str(int(id)) == id else None


def number_of_cursor(cursor: str) -> int:
    """
    The number that a cursor is the decimal text of.

    Raises:
        RegistrationError: If it is none that a store gave.
    """
    number = number_of(cursor)
    if number is None:
        raise RegistrationError(f"cursor={cursor!r}: it is none that a page gave")
    return number
