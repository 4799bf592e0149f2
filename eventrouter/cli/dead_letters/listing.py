"""``eventrouter dead-letters list``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from eventrouter.cli.dead_letters.choosing import (
    filter_of,
    filter_options,
    store_option,
)
from eventrouter.cli.dead_letters.members import (
    error_of,
    event_of,
    members_of,
    number_of,
    received_of,
)
from eventrouter.cli.opening import asking, open_store
from eventrouter.cli.options import json_option
from eventrouter.cli.output import printable, show, until_unread
from eventrouter.stores.letters import DeadLetter, DeadLetterStore, LetterFilter

_PAGE = 100
_LONGEST_NAME = 60  # characters
_LONGEST_ERROR = 200


@click.command("list")
@store_option
@filter_options
@click.option(
    "--limit",
    metavar="N",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many at most; those that were set aside last come first.",
)
@json_option
def list_letters(address: str, limit: int, as_json: bool, **options: Any) -> None:
    """List dead letters, those that were set aside last first."""
    letters, count = asking(_find, open_store(address), filter_of(options), limit)
    with until_unread():
        if as_json:
            click.echo(json.dumps([members_of(letter) for letter in letters], indent=2))
        elif not letters:
            click.echo("no dead letters")
        else:
            show(_table(letters))
            if len(letters) < count:
                click.echo(f"\nthese are {len(letters):,} of {number_of(count)}; see --limit")


async def _find(
    store: DeadLetterStore, which: LetterFilter, limit: int
) -> tuple[list[DeadLetter], int]:
    found: list[DeadLetter] = []
    cursor: str | None = None
    while len(found) < limit:
        most = min(_PAGE, limit - len(found))
        page = await store.find_letters(limit=most, cursor=cursor, **which)
        found += page.letters
        cursor = page.cursor
        if cursor is None:
            break
    return found, await store.count_letters(**which)


def _table(letters: Sequence[DeadLetter]) -> Table:
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for column in ("id", "received", "event", "outcome", "error"):
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "received"))
    for letter in letters:
        tries = f" ({letter.attempts} attempts)" if letter.attempts > 1 else ""
        table.add_row(
            letter.id,
            received_of(letter),
            Text(printable(event_of(letter), _LONGEST_NAME)),
            Text(f"{letter.status}{tries}"),
            Text(printable(error_of(letter), _LONGEST_ERROR)),
        )
    return table
