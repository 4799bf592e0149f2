"""``eventrouter work``: process what is in an inbox."""

from __future__ import annotations

import logging

import anyio
import click

from eventrouter.cli.application import compile_router, load
from eventrouter.cli.opening import StoreAddress, count_entries, open_store
from eventrouter.cli.options import grace_option
from eventrouter.cli.output import until_unread
from eventrouter.cli.working import Working
from eventrouter.inbox import Inbox
from eventrouter.integrations.http import ASGIEndpoint
from eventrouter.router import Router


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
    count = count_entries(inbox.store)
    working = Working(grace, "; eventrouter dead-letters list tells of them")

    async def run() -> None:
        await working.run(
            lambda: inbox.workers(router, count=concurrency, grace=grace),
            lambda: _announce_start(count, until_empty),
            until_empty=until_empty,
        )

    anyio.run(run, backend="asyncio")
    context.exit(working.report())


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


def _announce_start(count: int, until_empty: bool) -> None:
    noun = "event" if count == 1 else "events"
    end = "until there are no more" if until_empty else "until SIGTERM or Ctrl-C"
    with until_unread():
        click.echo(f"processing what is in the inbox, {count:,} {noun} now, {end}")
