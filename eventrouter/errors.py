"""Every error this package raises on its own account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import isfinite
from typing import Any, Final, cast

from attrs import frozen

_SHOWN = 20  # known types or versions named in a message


class EventRouterError(Exception):
    """The root of this package's errors."""


class RegistrationError(EventRouterError, TypeError):
    """Raised when the code is at fault: a handler, a type or a setting that can't work."""


class UnreadableLock(EventRouterError, ValueError):
    """
    Raised when what is to be compared is no document of schemas that this version can read.

    Attributes:
        reason: What is wrong, and what to do.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class EventLoopRunning(EventRouterError, RuntimeError):
    """Raised when a ``..._sync`` method is called where an event loop is already running."""


class Unrecoverable(EventRouterError):
    """
    For handlers to raise where trying again can't help: ``raise Unrecoverable from error``.

    It is never retried, and ``Result.retryable`` is False; also where it is in an
    ``ExceptionGroup``, or is the cause of what a handler raised.
    """


class RetryAfter(EventRouterError):
    """
    For handlers to raise where trying again helps, but not before some time.

    It is retried after that long, whatever else the handler's ``Retry`` is for. Past the last
    attempt, or where there is no ``Retry``, ``Result.retry_after`` tells whoever delivers the
    event.

    Args:
        seconds: How long, in seconds or as a ``timedelta``; what is below 0 counts as 0.

    Attributes:
        seconds: How long, in seconds.

    Raises:
        RegistrationError: If it is no finite number.
    """

    def __init__(self, seconds: float | timedelta) -> None:
        self.seconds = max(0.0, seconds_of(seconds, "RetryAfter"))
        super().__init__(self.seconds)

    def __str__(self) -> str:
        return f"to be tried again after {self.seconds:g} s"


class HandlerTimeout(EventRouterError, TimeoutError):
    """
    Raised when a handler took longer than its ``timeout=``.

    Attributes:
        handler: The handler's name, with its module.
        seconds: How long it may take.
    """

    def __init__(self, handler: str, seconds: float) -> None:
        # Not to OSError, which would take the two for an errno and its text.
        self.args = (handler, seconds)
        self.handler = handler
        self.seconds = seconds

    def __str__(self) -> str:
        return f"{self.handler} took longer than {self.seconds:g} s"


class TooManyAbandoned(EventRouterError, RuntimeError):
    """
    Raised when a handler was not called, as too many before it never came back.

    Attributes:
        most: How many threads may be left behind.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return (
            f"{self.most} threads of handlers that took longer than their timeout= still run; no "
            "other that may be abandoned is started, see Router(max_abandoned=...)"
        )


class HandlerPaused(EventRouterError):
    """
    Raised when a handler was not called, as it failed for ``pause_after=`` events in a row.

    Whoever delivers the event is to do so again; it is not set aside.

    Attributes:
        handler: The handler's name, with its module.
        retry_after: After how long, in seconds.
    """

    def __init__(self, handler: str, retry_after: float) -> None:
        super().__init__(handler, retry_after)
        self.handler = handler
        self.retry_after = retry_after

    def __str__(self) -> str:
        return (
            f"{self.handler} failed over and over and is paused, see pause_after=; deliver the "
            f"event again in {self.retry_after:.0f} s"
        )


class StoreError(EventRouterError):
    """
    Raised when a store can't do what it was asked: its disk is full, its file is locked or broken.

    Nothing was changed then; what it was asked for may be asked for again.

    Attributes:
        reason: What is wrong, with what, and what to do.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class PublishError(EventRouterError):
    """
    Raised when an event that a handler gave could not be published, as far as is known.

    The event that it was given for is to be delivered again, and the handler to run again:
    ``Result.retryable`` is True, unless the publisher raised ``Unrecoverable``. What went wrong is
    the cause.

    Attributes:
        event_type: The type of the event that was to be published.
        event_id: Its id, or None.
        reason: What went wrong, without what the publisher says of it: that may hold secrets.
    """

    def __init__(self, event_type: str, event_id: str | None, reason: str) -> None:
        super().__init__(event_type, event_id, reason)
        self.event_type = event_type
        self.event_id = event_id
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the event {identified(self.event_type, self.event_id)} could not be published: "
            f"{self.reason}"
        )


class NeverEnded(EventRouterError):
    """
    Told of in the dead letter of an event that was begun several times and never ended.

    Attributes:
        times: How often it was begun.
    """

    def __init__(self, times: int) -> None:
        super().__init__(times)
        self.times = times

    def __str__(self) -> str:
        return (
            f"it was taken {self.times} times and never ended: the process died, or its lease ran "
            "out"
        )


class ClaimLost(EventRouterError):
    """
    Raised when a handler did its work, but its claim had run out, and another delivery has it now.

    Both may have done it. The next delivery tells what became of the other: ``Result.retryable``
    is True.

    Attributes:
        handler: The handler's name, with its module.
        lease: The seconds that a claim holds if it is not renewed.
    """

    def __init__(self, handler: str, lease: float) -> None:
        super().__init__(handler, lease)
        self.handler = handler
        self.lease = lease

    def __str__(self) -> str:
        return (
            f"{self.handler} ran, but another delivery of the event was given its claim meanwhile: "
            f"the lease of {self.lease:g} s could not be renewed in time; make it longer, and keep "
            "the event loop free"
        )


class NotSetAside(EventRouterError, ExceptionGroup[Exception]):
    """
    Raised when an event could not be handled, nor kept as a dead letter; it holds both errors.

    The event is in no store then, so it must be delivered again: ``Result.retryable`` is True.
    """

    def derive(self, excs: Sequence[Exception]) -> NotSetAside:  # type: ignore[override]
        """The same of some of the errors, for ``except*`` and ``split``."""
        return NotSetAside(self.message, excs)


class EventError(EventRouterError):
    """The root of errors where the event is at fault: trying it again can't help."""


class MalformedEvent(EventError, ValueError):
    """
    Raised when what arrived is no event: not JSON, not this envelope, or over a limit.

    Attributes:
        reason: What is wrong, and where.
        got: What stood there instead, shortened; None if that says nothing more.
    """

    def __init__(self, reason: str, got: str | None = None) -> None:
        super().__init__(reason, got)
        self.reason = reason
        self.got = got

    def __str__(self) -> str:
        return self.reason if self.got is None else f"{self.reason}, not {self.got}"


class EventTooLarge(MalformedEvent):
    """Raised when what arrived is over ``Limits.max_bytes``; it was not read at all."""


class UnroutedEvent(EventError, LookupError):
    """
    Raised when no route takes the event.

    It is raised itself where routes for the type and version exist but the ``where=`` of each
    turned the event down; otherwise one of its subclasses says what was not known.

    Attributes:
        event_type: The event's type.
        version: The event's version, or None.
    """

    def __init__(self, event_type: str, version: str | None) -> None:
        super().__init__(event_type, version)
        self.event_type = event_type
        self.version = version

    def __str__(self) -> str:
        return (
            f"no route takes this event of type {quoted(self.event_type)}: the where= of every "
            "route for it turned it down; widen one, or add a fallback"
        )


class UnknownType(UnroutedEvent):
    """
    Raised when no route's pattern matches the event's type.

    Attributes:
        event_type: The event's type.
        version: The event's version, or None.
        suggestion: A known type one slip away, or None.
    """

    def __init__(
        self, event_type: str, version: str | None = None, suggestion: str | None = None
    ) -> None:
        EventError.__init__(self, event_type, version, suggestion)
        self.event_type = event_type
        self.version = version
        self.suggestion = suggestion

    def __str__(self) -> str:
        hint = f"; did you mean {quoted(self.suggestion)}?" if self.suggestion else ""
        return f"no route for the event type {quoted(self.event_type)}{hint}"


class UnknownVersion(UnroutedEvent):
    """
    Raised when the event's type is known and its version is not.

    Attributes:
        event_type: The event's type.
        version: The event's version.
        known: The versions that have a route, or are upcast to one that has; in the order
            declared with ``Router.versions()``, or else sorted.
        is_newer: Whether that order has it after all of these; False too where it can't tell.
    """

    def __init__(
        self, event_type: str, version: str, known: Sequence[str], is_newer: bool = False
    ) -> None:
        EventError.__init__(self, event_type, version, tuple(known), is_newer)
        self.event_type = event_type
        self.version = version
        self.known = tuple(known)
        self.is_newer = is_newer

    def __str__(self) -> str:
        known = ", which is newer than all known" if self.is_newer else "; known"
        return (
            f"no route for version {quoted(self.version or '')} of {quoted(self.event_type)}"
            f"{known}: {listed(self.known)}"
        )


class MissingVersion(UnroutedEvent):
    """
    Raised when the event carries no version and only versioned routes take its type.

    Attributes:
        event_type: The event's type.
        known: The versions that have a route, or are upcast to one that has; in the order
            declared with ``Router.versions()``, or else sorted.
    """

    def __init__(self, event_type: str, known: Sequence[str]) -> None:
        EventError.__init__(self, event_type, tuple(known))
        self.event_type = event_type
        self.version = None
        self.known = tuple(known)

    def __str__(self) -> str:
        return (
            f"the event of type {quoted(self.event_type)} carries no version; known: "
            f"{listed(self.known)}; set Router(default_version=...) or add a route without a "
            "version"
        )


#: How ``Mismatch.expected`` begins where the rest is the text of an error that is not ours.
VALID_VALUE: Final = "a valid value"
UPCAST_VALUE: Final = "a value that can be upcast"
PYDANTIC_VALUE: Final = "a value that pydantic takes"
MSGSPEC_VALUE: Final = "a value that msgspec takes"
_TOLD_BY_OTHERS: Final = (VALID_VALUE, UPCAST_VALUE, PYDANTIC_VALUE, MSGSPEC_VALUE)


class NoExample(EventRouterError, ValueError):
    """
    Raised when no example of an event can be made up.

    Attributes:
        reason: Why not, and what to do.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@frozen
class Mismatch:
    """
    One place where a payload does not fit its type.

    Attributes:
        path: Where, from the payload's root: ``$.items[3].price``.
        expected: What would have fitted.
        got: What stood there instead, shortened.
    """

    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.got}"

    @property
    def expected_by_us(self) -> str:
        """``expected`` without the text of an error that is not ours, which may tell values."""
        starts = (start for start in _TOLD_BY_OTHERS if self.expected.startswith(start))
        return next(starts, self.expected)


class InvalidPayload(EventError, ValueError):
    """
    Raised when the payload does not fit the type that a handler declares.

    Attributes:
        event_type: The event's type.
        payload_type: The name of the type that was wanted.
        errors: The first mismatches, 20 at most, in the payload's order.
        step: The upcaster that failed or whose payload that is, with the versions and where it
            was written; None if it is the payload that arrived.
    """

    def __init__(
        self,
        event_type: str,
        payload_type: str,
        errors: Sequence[Mismatch],
        step: str | None = None,
    ) -> None:
        super().__init__(event_type, payload_type, tuple(errors), step)
        self.event_type = event_type
        self.payload_type = payload_type
        self.errors = tuple(errors)
        self.step = step

    def __str__(self) -> str:
        payload = f"the payload of {quoted(self.event_type)}"
        if self.step is not None:
            payload += f", upcast {self.step},"
        return f"{payload} is no {self.payload_type}: {'; '.join(map(str, self.errors))}"


class MissingKey(EventError, ValueError):
    """
    Raised when nothing tells an event from others, so that no handler may run once for it.

    Attributes:
        event_type: The event's type.
        is_default: Whether it is its id that it lacks, as ``key=`` does not say what else to take.
    """

    def __init__(self, event_type: str, is_default: bool = True) -> None:
        super().__init__(event_type, is_default)
        self.event_type = event_type
        self.is_default = is_default

    def __str__(self) -> str:
        lacks = "carries no id" if self.is_default else "has no key: key= gave none"
        return (
            f"the event of type {quoted(self.event_type)} {lacks}, so nothing can tell whether it "
            "was handled before; send it with one, or say what else it is known by: "
            "Router(idempotency=Idempotency(store, key=...))"
        )


class InvalidSignature(EventError, ValueError):
    """
    Raised when what arrived is not signed by who it should come from; nothing of it was read.

    Attributes:
        reason: What is wrong. It names neither a secret nor the signature that would be right.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def members_of(error: BaseException) -> tuple[BaseException, ...]:
    """What a group of errors holds; nothing if it is no group."""
    if not isinstance(error, BaseExceptionGroup):
        return ()
    return cast("BaseExceptionGroup[BaseException]", error).exceptions


def raised_in(error: BaseException) -> Iterator[BaseException]:
    """The error and, if it is a group, all that it holds."""
    unseen = [error]  # not a recursion, as groups may be deep
    while unseen:
        found = unseen.pop()
        yield found
        unseen += reversed(members_of(found))


def with_causes(error: BaseException) -> Iterator[BaseException]:
    """What ``raised_in`` gives, and what was named as the cause of any of it."""
    seen: set[int] = set()
    unseen = [error]
    while unseen:
        for found in raised_in(unseen.pop()):
            if id(found) not in seen:
                seen.add(id(found))
                yield found
                if found.__cause__ is not None:
                    unseen.append(found.__cause__)


def is_permanent(error: BaseException) -> bool:
    """Whether trying again can't help."""
    return any(isinstance(found, EventError) for found in raised_in(error)) or any(
        isinstance(found, Unrecoverable) for found in with_causes(error)
    )


def asked_wait(error: BaseException) -> float | None:
    """The longest wait that a ``RetryAfter`` in the error asks for, in seconds; or None."""
    asked = (found.seconds for found in with_causes(error) if isinstance(found, RetryAfter))
    return max(asked, default=None)


def is_number(value: Any) -> bool:
    """Whether it is a number, as True and False are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, as True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def seconds_of(duration: Any, name: str) -> float:
    """
    A duration in seconds.

    Raises:
        RegistrationError: If it is no finite number of seconds, nor a ``timedelta``.
    """
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if is_number(duration) and isfinite(duration):
        return float(duration)
    raise RegistrationError(f"{name}={duration!r}: it is a number of seconds, or a timedelta")


def quoted(text: str, longest: int = 80) -> str:
    """The text in double quotes, made ``printable``."""
    escaped = printable(text, longest).replace('"', r"\"")
    return f'"{escaped}"'


def identified(event_type: str, event_id: str | None) -> str:
    """The type and id of an event, each ``quoted``."""
    return f"{quoted(event_type)} with id {quoted(event_id)}" if event_id else quoted(event_type)


def printable(text: str, longest: int = 80) -> str:
    """The text with control characters escaped, cut past ``longest`` characters."""
    cut = text if len(text) <= longest else text[:longest] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def listed(names: Sequence[str]) -> str:
    """The names quoted and separated by commas, the first few of a long list."""
    shown = ", ".join(map(quoted, names[:_SHOWN]))
    rest = len(names) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
