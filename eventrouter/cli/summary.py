"""What became of many events, counted in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, TypeAlias

from attrs import define, frozen

from eventrouter.cli.failed import error_text
from eventrouter.cli.input import Line
from eventrouter.patterns import Specificity, specificity
from eventrouter.result import HandlerResult, Result, Status
from eventrouter.router import Router

_MOST_UNKNOWN_TYPES = 50
_LONGEST_ERROR = 500  # characters


class Unnamed(Enum):
    """What events are counted under where their type does not do."""

    UNREADABLE = "unreadable"
    OTHER_TYPES = "other types"


#: An event type, or what stands for it.
Subject: TypeAlias = str | Unnamed


@define
class Problem:
    """
    What went wrong with the events of one type and status.

    Attributes:
        subject: Their type.
        status: Their status.
        place: Where the first was read.
        error: The class of its error, or None.
        message: What its error says.
        handlers: The handlers that failed on it.
        count: How many there are.
    """

    subject: Subject
    status: Status
    place: str
    error: str | None
    message: str
    handlers: tuple[str, ...]
    count: int = 0


@frozen
class SlowestCall:
    """
    The call of a handler that took longest.

    Attributes:
        handler: Its name.
        seconds: How long it took.
        place: Where its event was read.
    """

    handler: str
    seconds: float
    place: str


class Summary:
    """
    Counts results.

    Args:
        known_types: The event types that always have a row of their own; of others the first 50
            do.
    """

    def __init__(self, known_types: Iterable[str]) -> None:
        self._subjects: set[str] = set(known_types)
        self._most_subjects = len(self._subjects) + _MOST_UNKNOWN_TYPES
        self._problems: dict[tuple[Subject, Status], Problem] = {}
        self.counts: dict[tuple[Subject, Status], int] = {}
        self.events = 0
        self.ok = 0
        self.slowest: SlowestCall | None = None
        self.seconds = 0.0
        self.is_interrupted = False

    @classmethod
    def of(cls, router: Router) -> Summary:
        """A summary that knows the types the router has exact routes for."""
        patterns = (r.pattern for r in router.routes() if not r.is_observer and not r.is_fallback)
        return cls(p for p in patterns if specificity(p) is Specificity.EXACT)

    def add(self, result: Result, line: Line) -> None:
        """Count one result."""
        key = (self._subject(result), result.status)
        self.events += 1
        self.counts[key] = self.counts.get(key, 0) + 1
        for handled in result.handlers:
            if self.slowest is None or handled.elapsed > self.slowest.seconds:
                self.slowest = SlowestCall(handled.handler, handled.elapsed, line.place)
        if result.ok:
            self.ok += 1
            return
        problem = self._problems.get(key)
        if problem is None:
            problem = self._problems[key] = _problem(*key, result, line)
        problem.count += 1

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def problems(self) -> list[Problem]:
        """What went wrong, the most frequent first."""
        return sorted(self._problems.values(), key=lambda problem: -problem.count)

    def as_json(self) -> dict[str, Any]:
        """All of it as one JSON object."""
        totals = {
            status: sum(count for (_, s), count in self.counts.items() if s is status)
            for status in Status
        }
        slowest = self.slowest
        return {
            "events": self.events,
            "ok": self.ok,
            "not_ok": self.events - self.ok,
            "interrupted": self.is_interrupted,
            "seconds": round(self.seconds, 6),
            "events_per_second": round(self.rate, 1),
            "statuses": {status: total for status, total in totals.items() if total},
            "event_types": [
                {**_subject_members(subject), "status": status, "count": count}
                for (subject, status), count in self.counts.items()
            ],
            "slowest_handler": slowest
            and {
                "handler": slowest.handler,
                "seconds": round(slowest.seconds, 9),
                "at": slowest.place,
            },
            "errors": [_problem_members(problem) for problem in self.problems],
        }

    def _subject(self, result: Result) -> Subject:
        if result.event is None:
            return Unnamed.UNREADABLE
        event_type = result.event.type
        if event_type not in self._subjects:
            if len(self._subjects) >= self._most_subjects:
                return Unnamed.OTHER_TYPES
            self._subjects.add(event_type)
        return event_type


def _problem(subject: Subject, status: Status, result: Result, line: Line) -> Problem:
    error = result.error
    failed: Iterable[HandlerResult] = (h for h in result.handlers if h.error is not None)
    return Problem(
        subject,
        status,
        line.place,
        type(error).__name__ if error is not None else None,
        error_text(error, _LONGEST_ERROR) if error is not None else "another delivery of it runs",
        tuple(handler.handler for handler in failed),
    )


def _subject_members(subject: Subject) -> dict[str, Any]:
    if isinstance(subject, Unnamed):
        return {"event_type": None, "group": subject.value}
    return {"event_type": subject}


def _problem_members(problem: Problem) -> dict[str, Any]:
    return {
        **_subject_members(problem.subject),
        "status": problem.status,
        "count": problem.count,
        "first": {
            "at": problem.place,
            "error": problem.error and {"type": problem.error, "message": problem.message},
            "handlers": list(problem.handlers),
        },
    }
