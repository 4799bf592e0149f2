"""Every error this package raises on its own account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

_SHOWN = 20  # known types or versions named in a message


class EventRouterError(Exception):
    """The root of this package's errors."""


class RegistrationError(EventRouterError, TypeError):
    """Raised when the code is at fault: a handler, a type or a setting that can't work."""


class EventLoopRunning(EventRouterError, RuntimeError):
    """Raised when a ``..._sync`` method is called where an event loop is already running."""


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


class EventError(EventRouterError):
    """The root of errors where the event is at fault: trying it again can't help."""


class MalformedEvent(EventError, ValueError):
    """
    Raised when what arrived is no event: not JSON, not this envelope, or over a limit.

    Attributes:
        reason: What is wrong, and where.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


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


def quoted(text: str, longest: int = 80) -> str:
    """The text in double quotes, made ``printable``."""
    escaped = printable(text, longest).replace('"', r"\"")
    return f'"{escaped}"'


def printable(text: str, longest: int = 80) -> str:
    """The text with control characters escaped, cut past ``longest`` characters."""
    cut = text if len(text) <= longest else text[:longest] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def listed(names: Sequence[str]) -> str:
    """The names quoted and separated by commas, the first few of a long list."""
    shown = ", ".join(map(quoted, names[:_SHOWN]))
    rest = len(names) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
