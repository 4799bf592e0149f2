"""``eventrouter work``: process what is in an inbox."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import anyio
import click
from attrs import define, field
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Table

from eventrouter.cli.application import compile_router, load
from eventrouter.cli.interruption import Stop
from eventrouter.cli.opening import StoreAddress, count_entries, open_store
from eventrouter.cli.options import grace_option
from eventrouter.cli.output import show, until_unread
from eventrouter.errors import StoreError
from eventrouter.inbox import Inbox
from eventrouter.integrations.http import ASGIEndpoint
from eventrouter.result import Status
from eventrouter.router import Router
from eventrouter.workers import Workers

_CUT_OFF = 1  # the exit status
_PATIENCE = 1.0  # seconds that what is cancelled may take to end
_STYLES = {Status.HANDLED: "green", Status.IGNORED: "green", Status.DUPLICATE: "green"}


@click.command()
@click.argument("app")
@click.option(
    "--inbox",
    "address",
    metavar="STORE",
    type=StoreAddress(),
    help="What events are kept in: a file, or postgresql://user@host/database; not needed if APP "
    "is what asgi() made with an inbox.",
)
@click.option(
    "--concurrency",
    metavar="N",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many events are processed at the same time.",
)
@grace_option
@click.option("--until-empty", is_flag=True, help="End once there are no more events.")
@click.pass_context
def work(
    context: click.Context,
    app: str,
    address: str | None,
    concurrency: int,
    grace: float,
    until_empty: bool,
) -> None:
    """
    Process with APP the events that were accepted into an inbox, in any number of processes.

    SIGTERM or Ctrl-C ends it: no more is taken, and what is in flight may finish. What has not
    when the grace is over is given back, at no cost. A second Ctrl-C ends at once.

    The exit status is 0 if all that was in flight was finished, 1 if not, 2 for wrong usage, 130
    after a second Ctrl-C.
    """
    router, inbox = _load(app, address)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    run = _Run(router, inbox, count_entries(inbox.store), concurrency, grace, until_empty)
    anyio.run(run.work, backend="asyncio")
    context.exit(run.report())


def _load(app: str, address: str | None) -> tuple[Router, Inbox]:
    kinds: tuple[type[Router | ASGIEndpoint], ...] = (Router, ASGIEndpoint)
    found = load(app, *kinds)
    inbox: Inbox | None = None
    if isinstance(found, ASGIEndpoint):
        inbox = found.keeping.inbox if found.keeping is not None else None
        found = found.endpoint.router
    compile_router(app, found)
    if address is not None:
        if inbox is not None:
            raise click.BadOptionUsage("--inbox", f"{app} has an inbox of its own")
        inbox = Inbox(open_store(address))
    if inbox is None:
        raise click.UsageError("--inbox STORE says what to process")
    return found, inbox


@define
class _Run:
    router: Router
    inbox: Inbox
    count: int
    concurrency: int
    grace: float
    until_empty: bool
    workers: Workers | None = field(default=None, init=False)

    async def work(self) -> None:
        """Process until a signal comes, or until there is nothing left."""
        is_over = anyio.Event()

        def end() -> None:
            click.echo("finishing what is in flight; Ctrl-C ends at once", err=True)
            is_over.set()
            asyncio.get_running_loop().call_later(self.grace + _PATIENCE, self._give_up)

        stop = Stop(end)
        with stop.on_ctrl_c(), stop.on_sigterm():
            async with self.inbox.workers(
                self.router, count=self.concurrency, grace=self.grace
            ) as self.workers:
                self._announce_start()
                async with anyio.create_task_group() as tasks:
                    if self.until_empty:
                        tasks.start_soon(self._end_when_empty, self.workers, is_over)
                    await is_over.wait()
                    tasks.cancel_scope.cancel()

    def report(self) -> int:
        """Show what became of the events, and give the exit status."""
        workers = self.workers
        if workers is None:
            return 0
        with until_unread():
            show(*_lines(workers))
        if not workers.cut_off and not workers.in_flight:
            return 0
        count = workers.cut_off + workers.in_flight
        noun = "event" if count == 1 else "events"
        click.echo(f"the grace was over: {count:,} {noun} cut off, to be processed again", err=True)
        return _CUT_OFF

    def _announce_start(self) -> None:
        noun = "event" if self.count == 1 else "events"
        end = "until there are no more" if self.until_empty else "until SIGTERM or Ctrl-C"
        with until_unread():
            click.echo(f"processing what is in the inbox, {self.count:,} {noun} now, {end}")

    async def _end_when_empty(self, workers: Workers, is_over: anyio.Event) -> None:
        while not is_over.is_set():
            try:
                await workers.emptied()
            except StoreError:  # which the workers tell of
                await anyio.sleep(1)
            else:
                is_over.set()

    def _give_up(self) -> NoReturn:
        # An exception would wait for the threads that handlers run in.
        status = self.report()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _lines(workers: Workers) -> Iterator[RenderableType]:
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
        yield f"\n{workers.set_aside:,} {noun}; eventrouter dead-letters list tells of them"
