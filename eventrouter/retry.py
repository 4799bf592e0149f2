"""What is tried again, how often, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import random
from typing import Any, TypeAlias, cast

from attrs import field, frozen
from attrs.converters import optional

from eventrouter.errors import (
    HandlerPaused,
    RegistrationError,
    asked_wait,
    is_number,
    is_permanent,
    is_whole,
    members_of,
    seconds_of,
)
from eventrouter.signature import is_async, named, takes

#: How long to wait after so many attempts, in seconds.
Wait: TypeAlias = Callable[[int], float]
#: Which errors are tried again.
RetriedOn: TypeAlias = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]


def _seconds(duration: float | timedelta) -> float:
    seconds = seconds_of(duration, "a wait")
    if seconds < 0:
        raise RegistrationError(f"a wait of {seconds:g} s: it can't be below 0")
    return seconds


@frozen
class Exponential:
    """
    A wait that grows by a factor after each attempt, up to the longest.

    After ``n`` attempts it is ``min(longest, first * factor ** (n - 1))`` seconds.
    """

    first: float = field(converter=_seconds)
    factor: float
    longest: float = field(converter=_seconds)

    def __attrs_post_init__(self) -> None:
        if not is_number(self.factor) or not self.factor >= 1:
            raise RegistrationError(f"exponential(factor={self.factor!r}): it is 1 or more")

    def __call__(self, attempts: int) -> float:
        """How long to wait after so many attempts, in seconds."""
        try:
            return min(self.longest, self.first * self.factor ** (attempts - 1))
        except OverflowError:
            return self.longest


def exponential(
    first: float | timedelta = 0.1,
    *,
    factor: float = 2.0,
    longest: float | timedelta = 5.0,
) -> Exponential:
    """
    Make a wait that grows after each attempt.

    Args:
        first: The wait after the first attempt, in seconds.
        factor: What it is multiplied by after each further attempt.
        longest: What it does not grow beyond, in seconds. The default is short, as the event is
            held meanwhile.

    Raises:
        RegistrationError: If one of them can't work.
    """
    return Exponential(first, factor, longest)


def _read_wait(wait: Wait | float | timedelta) -> Wait | float:
    return wait if callable(wait) else _seconds(wait)


def _types_among(on: Any) -> tuple[type[Exception], ...]:
    """The types that are retried; none if a function says what is."""
    types = cast("tuple[Any, ...]", on) if isinstance(on, tuple) else (on,)
    if types and all(isinstance(kind, type) and issubclass(kind, Exception) for kind in types):
        return types
    if not isinstance(on, (type, tuple)) and callable(on) and not is_async(on) and takes(on, 1):
        return ()
    raise RegistrationError(
        f"Retry(on={on!r}): it is an exception type, a tuple of them, or a sync function of the "
        "error that returns whether to try again"
    )


@frozen
class Retry:
    """
    Says when a handler that failed is called again.

    ``EventError``, ``RegistrationError`` and ``Unrecoverable`` are never retried, ``RetryAfter``
    always is. An ``ExceptionGroup`` is if each error in it is.

    Args:
        attempts: How often it is called at most, the first call included.
        on: What is retried: an exception type, a tuple of them, or a function of the error that
            returns whether. It has no default, since a retry of what can't succeed, or of what
            was half done, is a fault in itself.
        wait: How long to wait between two attempts, in seconds; or a function of how many were
            made. ``exponential()`` unless given.
        jitter: How much longer it may be by chance, so that not all try again at once: 0.5 is up
            to half as long again. Never less than the wait.
        max_elapsed: Until how many seconds after the first attempt began another may begin. A wait
            that would last longer is not begun. None for no limit.

    Raises:
        RegistrationError: If one of them can't work.
    """

    attempts: int
    on: RetriedOn = field(kw_only=True)
    wait: Wait | float | timedelta = field(kw_only=True, factory=exponential, converter=_read_wait)
    jitter: float = field(kw_only=True, default=0.5)
    max_elapsed: float | timedelta | None = field(
        kw_only=True, default=None, converter=optional(_seconds)
    )

    def __attrs_post_init__(self) -> None:
        if not is_whole(self.attempts) or self.attempts < 1:
            raise RegistrationError(f"Retry(attempts={self.attempts!r}): it is 1 or more")
        _types_among(self.on)
        if not is_number(self.jitter) or not 0 <= self.jitter <= 1_000:
            raise RegistrationError(f"Retry(jitter={self.jitter!r}): it is from 0 to 1000")

    def __str__(self) -> str:
        names = ", ".join(kind.__qualname__ for kind in _types_among(self.on))
        names = names or named(self.on).name
        return f"{self.attempts} attempts on {names}"

    def next_wait(self, attempts: int, error: Exception, elapsed: float) -> float | None:
        """
        How long to wait before the next attempt, in seconds; None if there is none.

        Args:
            attempts: How many were made.
            error: What the last one raised.
            elapsed: How long ago the first began, in seconds.

        Raises:
            Exception: What the functions given as ``on`` and ``wait`` raise.
        """
        if attempts >= self.attempts or is_permanent(error):
            return None
        if isinstance(error, (RegistrationError, HandlerPaused)) or not self._is_on(error):
            return None
        wait = asked_wait(error)
        if wait is None:
            wait = _seconds(self.wait(attempts) if callable(self.wait) else self.wait)
        with_jitter = wait * (1 + self.jitter * random())
        if self.max_elapsed is None:
            return with_jitter
        left = _seconds(self.max_elapsed) - elapsed
        return min(with_jitter, left) if wait <= left else None

    def _is_on(self, error: BaseException) -> bool:
        types = _types_among(self.on)
        if types:
            is_meant = isinstance(error, types)
        else:
            is_on = cast("Callable[[BaseException], bool]", self.on)
            is_meant = bool(is_on(error))
        members = members_of(error)
        return (
            is_meant
            or (bool(members) and all(map(self._is_on, members)))
            or (not members and asked_wait(error) is not None)
        )
