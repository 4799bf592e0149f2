"""
Collecting what does not fit, and stopping in time.

cattrs in its detailed mode goes on after a failure, so that an error can name every bad value.
A payload with 100,000 bad items would cost 100,000 exceptions; past ``MOST`` nothing more is
looked at.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cattrs import ClassValidationError, IterableValidationError
from cattrs.errors import IterableValidationNote

from eventrouter.structuring.refusal import Hook, Refusal

MOST = 20  # mismatches collected from one payload


class _Count:
    def __init__(self) -> None:
        self.found = 0


_count: ContextVar[_Count] = ContextVar("_count")


@contextmanager
def counting() -> Generator[None]:
    """Count the mismatches found within as those of one payload."""
    token = _count.set(_Count())
    try:
        yield
    finally:
        _count.reset(token)


def is_enough() -> bool:
    """Whether as many mismatches as are reported have been found."""
    count = _count.get(None)
    return count is not None and count.found >= MOST


def found(error: ClassValidationError | IterableValidationError) -> None:
    """Count the mismatches that stand in a group itself."""
    count = _count.get(None)
    if count is not None:
        count.found += sum(not isinstance(e, ExceptionGroup) for e in error.exceptions)


def collect(
    items: Iterable[tuple[int | str, Any]], structure: Hook, element: Any, container: Any
) -> list[Any]:
    """
    Build each item of a container.

    Args:
        items: Index or key, and the JSON value there.
        structure: The hook for one value.
        element: The type of one value.
        container: The type of them all.

    Raises:
        IterableValidationError: If any does not fit, with a note on each saying which.
    """
    built: list[Any] = []
    failed: list[Exception] = []
    count = _count.get(None)
    for index, value in items:
        before = count.found if count else 0
        try:
            built.append(structure(value, element))
            if count:  # A hook may try one type and then another: what it got over is no mismatch.
                count.found = before
        except Exception as error:
            note = IterableValidationNote(f"at {index!r}", index, element)
            error.add_note(note)
            failed.append(error)
            if len(failed) == MOST or is_enough():
                break
    if failed:
        raise group_of(failed, container)
    return built


def group_of(failed: Sequence[Exception], container: Any) -> IterableValidationError:
    """The failures as one, counted."""
    message = f"{len(failed)} wrong"
    group = IterableValidationError(message, failed, container)  # pyright: ignore[reportCallIssue]
    found(group)
    return group


def refuse_if_enough() -> None:
    """Raise at once where a report is full, so that the rest of the payload costs nothing."""
    if is_enough():
        raise Refusal("nothing more")
