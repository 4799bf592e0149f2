"""The workers of a command: until a signal comes, and then what is in flight."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import anyio
import click
from attrs import define, field
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Table

from eventrouter.cli.interruption import Stop
from eventrouter.cli.output import show, until_unread
from eventrouter.errors import StoreError
from eventrouter.result import Status
from eventrouter.workers import Workers

_CUT_OFF = 1  # the exit status
_PATIENCE = 1.0  # seconds that what is cancelled may take to end
_STYLES = {Status.HANDLED: "green", Status.IGNORED: "green", Status.DUPLICATE: "green"}


@define
class Working:
    """
    Workers, from their start until their end, and what became of the events.

    Args:
        grace: How many seconds what is in flight may take after a signal.
        letters: Where the dead letters are, as the end of a sentence about them.

    Attributes:
        workers: The workers, once they have started.
        is_ending: Whether they end.
    """

    grace: float
    letters: str
    workers: Workers | None = field(default=None, init=False)
    is_ending: bool = field(default=False, init=False)

    async def run(
        self,
        started: Callable[[], AbstractAsyncContextManager[Workers]],
        announce: Callable[[], None],
        *,
        until_empty: bool = False,
    ) -> None:
        """
        Let workers work until a signal comes, or until there is nothing left.

        Args:
            started: Starts them; at the end what is in flight may finish.
            announce: Called when they have started.
            until_empty: Whether they end when there are no more events.
        """
        is_over = anyio.Event()

        def end() -> None:
            click.echo("finishing what is in flight; Ctrl-C ends at once", err=True)
            self.is_ending = True
            is_over.set()
            asyncio.get_running_loop().call_later(self.grace + _PATIENCE, self._give_up)

        stop = Stop(end)
        with stop.on_ctrl_c(), stop.on_sigterm():
            async with started() as self.workers:
                announce()
                async with anyio.create_task_group() as tasks:
                    if until_empty:
                        tasks.start_soon(_end_when_empty, self.workers, is_over)
                    await is_over.wait()
                    tasks.cancel_scope.cancel()

    def report(self) -> int:
        """Show what became of the events, and give the exit status."""
        workers = self.workers
        if workers is None:
            return 0
        with until_unread():
            show(*_lines(workers, self.letters))
        if not workers.cut_off and not workers.in_flight:
            return 0
        count = workers.cut_off + workers.in_flight
        noun = "event" if count == 1 else "events"
        click.echo(f"the grace was over: {count:,} {noun} cut off, to be processed again", err=True)
        return _CUT_OFF

    def _give_up(self) -> NoReturn:
        # An exception would wait for the threads that handlers run in.
        status = self.report()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


async def _end_when_empty(workers: Workers, is_over: anyio.Event) -> None:
    while not is_over.is_set():
        try:
            await workers.emptied()
        except StoreError:  # which the workers tell of
            await anyio.sleep(1)
        else:
            is_over.set()


def _lines(workers: Workers, letters: str) -> Iterator[RenderableType]:
    if not workers.results:
        yield "no events"
        return
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, show_footer=True)
    table.add_column("outcome", "all")
    table.add_column("times", f"{workers.results.total():,}", justify="right")
    for status, count in sorted(workers.results.items()):
        table.add_row(status, f"{count:,}", style=_STYLES.get(status, "red"))
    yield table
    if workers.set_aside:
        noun = "dead letter" if workers.set_aside == 1 else "dead letters"
        yield f"\n{workers.set_aside:,} {noun}{letters}"
