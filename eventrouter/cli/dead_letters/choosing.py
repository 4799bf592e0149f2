"""Which dead letters a command is about."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import click
from attrs import frozen

from eventrouter.cli.opening import StoreAddress
from eventrouter.errors import quoted
from eventrouter.result import Status
from eventrouter.stores.letters import DeadLetter, DeadLetterStore, LetterFilter
from eventrouter.timestamps import parse_datetime

F = TypeVar("F", bound=Callable[..., Any])

_AGO = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NAMES = {"since": "after", "until": "before"}  # of options, as the store has them
_STATUSES = [
    status.value for status in (Status.FAILED, Status.INVALID, Status.UNROUTED, Status.MALFORMED)
]

#: What has the dead letters; a file is not made.
store_option = click.option(
    "--store",
    "address",
    metavar="STORE",
    required=True,
    type=StoreAddress(exists=True),
    help="What the dead letters are in, such as that of an inbox: a file, or "
    "postgresql://user@host/database.",
)
ids_argument = click.argument("ids", nargs=-1)
yes_option = click.option("--yes", is_flag=True, help="Don't ask whether that is meant.")


def read_moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """
    Read a time as RFC 3339 has it, or how long ago it was: 90m, 12h, 7d.

    Raises:
        click.BadParameter: If it is neither.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago["unit"]]: int(ago["number"])})
        return parse_datetime(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is neither a time such as 2026-05-04T12:00:00Z nor how long ago it was, "
            "such as 90m, 12h or 7d"
        ) from None


def filter_options(command: F) -> F:
    """Give a command the options that dead letters are found by."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


_FILTERS: Sequence[Callable[[Any], Any]] = (
    click.option("--type", metavar="TYPE", help="Events of this type."),
    click.option("--version", metavar="VERSION", help="Events of this version."),
    click.option("--status", type=click.Choice(_STATUSES), help="What became of them."),
    click.option(
        "--error", metavar="NAME", help="The error's name, with its module: builtins.TimeoutError."
    ),
    click.option(
        "--since",
        metavar="TIME",
        callback=read_moment,
        help="Events that arrived then or later: 2026-05-04T12:00:00Z, or 12h for so long ago.",
    ),
    click.option(
        "--until", metavar="TIME", callback=read_moment, help="Events that arrived earlier."
    ),
)


def filter_of(options: dict[str, Any]) -> LetterFilter:
    """What of the options was given, as the store has it."""
    given = {_NAMES.get(name, name): value for name, value in options.items() if value is not None}
    if "status" in given:
        given["status"] = Status(given["status"])
    return cast(LetterFilter, given)


@frozen
class Chosen:
    """
    The dead letters that a command names: by id, or by what they have in common.

    Args:
        store: Where they are.
        ids: Their ids; none if they are found.
        which: What they have in common.
    """

    store: DeadLetterStore
    ids: tuple[str, ...]
    which: LetterFilter

    async def count(self) -> int:
        """
        Say how many there are.

        Raises:
            click.ClickException: If an id is unknown.
        """
        if not self.ids:
            return await self.store.count_letters(**self.which)
        for id in self.ids:
            await get_letter(self.store, id)
        return len(self.ids)

    async def letters(self) -> AsyncGenerator[DeadLetter]:
        """Find them, the first that were added first."""
        for id in self.ids:
            yield await get_letter(self.store, id)
        left = 0 if self.ids else await self.store.count_letters(**self.which)
        cursor: str | None = None
        while left > 0:  # and none that is added meanwhile
            page = await self.store.find_letters(cursor=cursor, oldest_first=True, **self.which)
            for letter in page.letters[:left]:
                yield letter
            left -= len(page.letters)
            cursor = page.cursor
            if cursor is None:
                break


def choose(
    store: DeadLetterStore, ids: tuple[str, ...], is_all: bool, options: dict[str, Any]
) -> Chosen:
    """
    What a command names.

    Raises:
        click.UsageError: If it names none, or in two ways.
    """
    which = filter_of(options)
    if bool(ids) + bool(which) + is_all > 1:
        raise click.UsageError("name dead letters by IDS, by options such as --type, or by --all")
    if not ids and not which and not is_all:
        raise click.UsageError(
            "which dead letters? Name their IDS, or options such as --type, or --all"
        )
    return Chosen(store, tuple(dict.fromkeys(ids)), which)


async def get_letter(store: DeadLetterStore, id: str) -> DeadLetter:
    """
    Find a dead letter.

    Raises:
        click.ClickException: If there is none with that id.
    """
    letter = await store.get_letter(id)
    if letter is None:
        raise click.ClickException(f"there is no dead letter with the id {quoted(id)}")
    return letter
