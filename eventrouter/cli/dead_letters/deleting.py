"""``eventrouter dead-letters discard`` and ``purge``, which ask before they delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from eventrouter.cli.dead_letters.choosing import (
    Chosen,
    choose,
    filter_options,
    ids_argument,
    read_moment,
    store_option,
    yes_option,
)
from eventrouter.cli.dead_letters.members import number_of
from eventrouter.cli.opening import asking, open_store
from eventrouter.stores.letters import DeadLetterStore

_STEP = 1_000  # letters deleted at once, so that others need not wait long
_KEPT = 1  # the exit status


@click.command()
@store_option
@ids_argument
@filter_options
@click.option("--all", "is_all", is_flag=True, help="All dead letters.")
@yes_option
@click.pass_context
def discard(
    context: click.Context,
    /,
    address: str,
    ids: tuple[str, ...],
    is_all: bool,
    yes: bool,
    **options: Any,
) -> None:
    """
    Delete the dead letters with these IDS, or those that fit the options.

    The exit status is 0 if they were deleted, 1 if not, 2 for wrong usage.
    """
    chosen = choose(open_store(address), ids, is_all, options)
    count = asking(chosen.count)
    _ask(context, count, yes)
    click.echo(f"discarded {number_of(asking(_discard, chosen))}")


@click.command()
@store_option
@click.option(
    "--before",
    metavar="TIME",
    required=True,
    callback=read_moment,
    help="Those that arrived earlier: 2026-05-04T12:00:00Z, or 30d for so long ago.",
)
@yes_option
@click.pass_context
def purge(context: click.Context, address: str, before: datetime, yes: bool) -> None:
    """
    Delete the dead letters that arrived before a time.

    The exit status is 0 if they were deleted, 1 if not, 2 for wrong usage.
    """
    store = open_store(address)

    async def count() -> int:
        return await store.count_letters(before=before)

    _ask(context, asking(count), yes)
    click.echo(f"purged {number_of(asking(_purge, store, before))}")


def _ask(context: click.Context, count: int, yes: bool) -> None:
    if not count:
        click.echo("no dead letters")
        context.exit(0)
    try:
        is_meant = yes or click.confirm(f"delete {number_of(count)} for good?")
    except click.Abort:  # there is nobody to ask
        click.echo(err=True)
        is_meant = False
    if not is_meant:
        click.echo("nothing was deleted; --yes does not ask", err=True)
        context.exit(_KEPT)


async def _discard(chosen: Chosen) -> int:
    discarded = 0
    ids: list[str] = []
    async for letter in chosen.letters():
        ids.append(letter.id)
        if len(ids) == _STEP:
            discarded += await chosen.store.remove_letters(ids)
            ids.clear()
    return discarded + await chosen.store.remove_letters(ids)


async def _purge(store: DeadLetterStore, before: datetime) -> int:
    purged = 0
    while (step := await store.purge_letters(before, _STEP)) > 0:
        purged += step
    return purged
