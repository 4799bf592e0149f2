"""The time at which a delivery was signed, and how far from now it may lie."""

from __future__ import annotations

import math
import re
import time
from datetime import datetime
from typing import Any

from attrs import Attribute

from eventrouter.errors import InvalidSignature, RegistrationError

# Twelve digits reach past the year 9999. Of int() alone, white space, signs, underscores, other
# digits of Unicode and any length would pass.
_SECONDS = re.compile(r"[0-9]{1,12}")


def refuse_no_duration(_: Any, attribute: Attribute[Any], value: Any) -> None:
    """Raise ``RegistrationError`` for a field that is no finite number of seconds from 0 up."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:
        raise RegistrationError(
            f"{attribute.name}={value!r}: it is a number of seconds, such as 300"
        )


def _seconds_of(now: datetime | None) -> float:
    """
    The seconds since 1970 in UTC at a moment, or at the time of the call.

    Raises:
        ValueError: If the moment has no offset: Python would take it for local time.
    """
    if now is None:
        return time.time()
    if now.utcoffset() is None:
        raise ValueError(f"now={now!r} has no offset from UTC")
    return now.timestamp()


def write_seconds(now: datetime | None) -> str:
    """
    The whole seconds since 1970, as schemes send them.

    Raises:
        ValueError: If the moment has no offset, or lies before 1970.
    """
    seconds = math.floor(_seconds_of(now))
    if seconds < 0:
        raise ValueError(f"now={now!r} lies before 1970, which no scheme can write")
    return str(seconds)


def check_fresh(timestamp: str, name: str, now: datetime | None, tolerance: float) -> None:
    """
    Refuse what was signed too long ago, or is said to be signed in the future.

    Args:
        timestamp: The whole seconds since 1970 at which it was signed.
        name: The header that it came in.
        now: When the delivery arrived.
        tolerance: How many seconds before or after ``now`` is near enough.

    Raises:
        InvalidSignature: If it lies further away, or is no such number.
        ValueError: If ``now`` has no offset.
    """
    if _SECONDS.fullmatch(timestamp) is None:
        raise InvalidSignature(f"the timestamp in the header {name} is no number of seconds")
    age = _seconds_of(now) - int(timestamp)
    if abs(age) > tolerance:
        distance = f"{math.ceil(abs(age))} seconds {'old' if age > 0 else 'in the future'}"
        raise InvalidSignature(
            f"the timestamp in the header {name} is {distance}, the tolerance {tolerance} seconds"
        )
