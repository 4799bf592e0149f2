"""What a request is answered with: the one table from results to status codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import ceil
from typing import Any, Final

from attrs import frozen

from eventrouter.envelope import NO_HEADERS
from eventrouter.errors import (
    EventTooLarge,
    InvalidPayload,
    MissingKey,
    MissingVersion,
    UnknownType,
    UnknownVersion,
    UnroutedEvent,
    quoted,
)
from eventrouter.event import Event
from eventrouter.result import Result, Status

PROBLEM: Final = "application/problem+json"
_LONGEST_ID = 256  # characters of an event's id that are sent back

#: The names that RFC 9110 gives the status codes; Python's differ from version to version.
PHRASES: Final[Mapping[int, str]] = {
    200: "OK",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    405: "Method Not Allowed",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

_FAILURES: Final[Mapping[Status, int]] = {
    Status.MALFORMED: 400,
    Status.UNROUTED: 422,
    Status.INVALID: 422,
    Status.IN_PROGRESS: 409,
    Status.FAILED: 500,
}


@frozen
class Answer:
    """
    What a request, or one event of a batch, is answered with.

    Args:
        status: The status code.
        document: The JSON of the body; None if there is none.
        headers: More headers than those of the body.
        is_retryable: Whether sending the same again may help.
        media_type: What the document is.
    """

    status: int
    document: Any = None
    headers: Mapping[str, str] = NO_HEADERS
    is_retryable: bool = False
    media_type: str = "application/json"

    @property
    def is_success(self) -> bool:
        """Whether the sender need not send it again."""
        return self.status < 300

    @cached_property
    def body(self) -> bytes:
        """The document, written."""
        if self.document is None:
            return b""
        return json.dumps(self.document, separators=(",", ":")).encode()

    @cached_property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """All headers, their names in lower case."""
        if self.document is None:
            return tuple(self.headers.items())
        return (
            ("content-type", self.media_type),
            ("content-length", str(len(self.body))),
            *self.headers.items(),
        )

    @cached_property
    def raw_fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """The same as bytes."""
        return tuple((name.encode(), value.encode()) for name, value in self.fields)


class Refused(Exception):
    """
    Raised to answer a request before any event of it is looked at.

    Attributes:
        answer: The answer.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] = NO_HEADERS,
    is_retryable: bool = False,
    **members: Any,
) -> Answer:
    """
    An answer that says what is wrong, as RFC 9457 has it.

    ``type`` is ``about:blank``: the status code, and our member ``outcome``, say all there is.

    Args:
        status: The status code.
        detail: What is wrong with this request.
        headers: More headers than those of the body.
        is_retryable: Whether sending the same again may help.
        **members: More members of the document; those that are None are left out.
    """
    document = {
        "type": "about:blank",
        "title": PHRASES[status],
        "status": status,
        "detail": detail,
        **{name: member for name, member in members.items() if member is not None},
    }
    return Answer(status, document, headers, is_retryable, PROBLEM)


#: The answer to an event that will be processed later.
ACCEPTED: Final = Answer(202, {"outcome": "accepted"})

# Made once: these are the ones that are sent over and over.
_SUCCESSES: Final[Mapping[Status, Answer]] = {
    Status.HANDLED: Answer(200, {"outcome": Status.HANDLED}),
    Status.DUPLICATE: Answer(200, {"outcome": Status.DUPLICATE}),
    Status.IGNORED: Answer(204),
}


def overloaded(after: int) -> Answer:
    """
    The answer to an event that there is no room for.

    Args:
        after: How long the sender should wait before it tries again, in seconds.
    """
    return problem(
        503,
        "there is no room for the event now; send it again later",
        headers={"retry-after": str(after)},
        is_retryable=True,
    )


def not_kept(after: int) -> Answer:
    """
    The answer to an event that the store of an inbox did not keep.

    Args:
        after: How long the sender should wait before it tries again, in seconds.
    """
    return problem(
        503,
        "the event could not be kept; send it again later",
        headers={"retry-after": str(after)},
        is_retryable=True,
    )


def answer_to(result: Result, detail: bool) -> Answer:
    """
    The answer to what became of an event.

    Args:
        result: What became of it.
        detail: Whether the sender may know what only the operator should: texts of errors that
            are not this package's, the names of known versions and types, values of the payload.
    """
    status = result.status
    success = _SUCCESSES.get(status)
    if success is not None:
        return success
    error = result.error
    retry_after = result.retry_after
    code = 413 if isinstance(error, EventTooLarge) else _FAILURES[status]
    return problem(
        code if retry_after is None else 503,
        _told(error) if detail and error is not None else _detail(status, error),
        headers=NO_HEADERS if retry_after is None else {"retry-after": str(ceil(retry_after))},
        is_retryable=result.retryable,
        outcome=status,
        event_id=_id_of(result.event),
        errors=_mismatches(error, detail) if isinstance(error, InvalidPayload) else None,
    )


def together(answers: Sequence[Answer]) -> Answer:
    """
    The answer to a batch: one item for each event, under the status of the worst.

    The sender who looks at the status alone must not take a batch for delivered that is not, nor
    give up where trying again may help: so of several that went wrong, one that is worth another
    try counts first, of these the highest code, and of these the longest ``Retry-After``.
    """
    worst = max(answers, key=_badness, default=None)
    items = [answer.document or {"outcome": Status.IGNORED} for answer in answers]
    if worst is None:
        return Answer(200, [])
    status = 200 if worst.status == 204 else worst.status
    return Answer(status, items, worst.headers, worst.is_retryable)


def _badness(answer: Answer) -> tuple[bool, int, int]:
    return answer.is_retryable, answer.status, int(answer.headers.get("retry-after", "0"))


def _told(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # its __str__ is broken
        return type(error).__name__


def _detail(status: Status, error: Exception | None) -> str:
    """What the sender did wrong, and nothing of what goes on inside."""
    match status:
        case Status.MALFORMED:
            # One that came of another error tells that one's text.
            is_ours = error is not None and error.__cause__ is None
            return str(error) if is_ours else "the event can't be read"
        case Status.UNROUTED if isinstance(error, UnroutedEvent):
            return _unrouted(error)
        case Status.INVALID if isinstance(error, MissingKey):
            return "the event has nothing that tells it from others, such as an id"
        case Status.INVALID:
            return "the payload does not fit the type that is expected of such an event"
        case Status.IN_PROGRESS:
            return "another delivery of this event is being processed"
        case _:
            return "the event could not be processed"


def _unrouted(error: UnroutedEvent) -> str:
    event_type = quoted(error.event_type)
    if isinstance(error, UnknownVersion):
        return f"events of type {event_type} are not taken in version {quoted(error.version or '')}"
    if isinstance(error, MissingVersion):
        return f"an event of type {event_type} needs a version"
    if isinstance(error, UnknownType):
        return f"events of type {event_type} are not taken"
    return f"this event of type {event_type} is not taken"


def _mismatches(error: InvalidPayload, detail: bool) -> list[dict[str, str]]:
    if detail:
        return [
            {"path": mismatch.path, "expected": mismatch.expected, "got": mismatch.got}
            for mismatch in error.errors
        ]
    return [
        {"path": mismatch.path, "expected": mismatch.expected_by_us} for mismatch in error.errors
    ]


def _id_of(event: Event[Any] | None) -> str | None:
    identifier = event.id if event is not None else None
    return identifier[:_LONGEST_ID] if identifier else None
