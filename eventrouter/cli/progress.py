"""How far a dispatch is, on a terminal."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from time import perf_counter
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from eventrouter.cli.input import Line

_INTERVAL = 0.1  # seconds between two updates


class Meter:
    """
    Shows progress on standard error while entered, if that is a terminal.

    Args:
        total: How many bytes there are; None if nobody knows.
        is_hidden: Whether it would be in the way.
    """

    def __init__(self, total: int | None, *, is_hidden: bool) -> None:
        console = Console(stderr=True)
        self._events = 0
        self._bytes = 0
        self._started = self._updated = perf_counter()
        self._open = ExitStack()
        self._progress: Progress | None = None
        if console.is_terminal and not is_hidden:
            self._progress = Progress(
                *_columns(total),
                console=console,
                transient=True,
                # What handlers print belongs to standard output, if that is a pipe or a file.
                redirect_stdout=sys.stdout.isatty(),
            )
            self._task = self._progress.add_task("events", total=total, events="", rate="")

    def __enter__(self) -> Meter:
        if self._progress is not None:
            self._open.enter_context(self._progress)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def advance(self, line: Line) -> None:
        """Count an event as done."""
        self._events += 1
        self._bytes += line.size
        if self._progress is None:
            return
        now = perf_counter()
        if now - self._updated >= _INTERVAL:
            self._updated = now
            rate = self._events / (now - self._started)
            self._progress.update(
                self._task,
                completed=self._bytes,
                events=f"{self._events:,} {'event' if self._events == 1 else 'events'}",
                rate=f"{rate:,.0f}/s",
            )


def _columns(total: int | None) -> list[ProgressColumn]:
    counts = [TextColumn("{task.fields[events]}"), TextColumn("{task.fields[rate]}")]
    if total is None:
        return [SpinnerColumn(), *counts]
    return [BarColumn(bar_width=30), TaskProgressColumn(), *counts, TimeRemainingColumn()]
