"""``eventrouter dead-letters replay``."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

import click
from attrs import define, field, frozen
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from eventrouter.cli.application import load_router
from eventrouter.cli.dead_letters.choosing import (
    Chosen,
    choose,
    filter_options,
    ids_argument,
    store_option,
)
from eventrouter.cli.dead_letters.members import event_of, number_of
from eventrouter.cli.failed import error_text
from eventrouter.cli.opening import asking, open_store
from eventrouter.cli.options import json_option
from eventrouter.cli.output import printable, show, until_unread
from eventrouter.errors import RegistrationError
from eventrouter.explanation import Explanation
from eventrouter.replaying import Replay
from eventrouter.result import Result
from eventrouter.stores.letters import DeadLetter

_NOT_ALL = 1  # the exit status
_LONGEST_NAME = 60  # characters
_LONGEST_TEXT = 300


@frozen
class _Line:
    """What is said of one dead letter."""

    letter: DeadLetter
    is_ok: bool
    outcome: str
    text: str


@click.command()
@click.argument("app")
@store_option
@ids_argument
@filter_options
@click.option("--all", "is_all", is_flag=True, help="All dead letters.")
@click.option("--run", "is_meant", is_flag=True, help="Run the handlers; else none is run.")
@click.option(
    "--all-handlers", is_flag=True, help="Run the handlers that did what they should again, too."
)
@click.option(
    "--edited",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Process the event in FILE in place of that of the one dead letter; show --raw writes it.",
)
@json_option
@click.pass_context
def replay(
    context: click.Context,
    /,
    app: str,
    address: str,
    ids: tuple[str, ...],
    is_all: bool,
    is_meant: bool,
    all_handlers: bool,
    edited: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """
    Say which handlers of APP the dead letters with these IDS would run; with --run, run them.

    Those run that did not do what they should, with the upcasters that APP has now.
    What is handled then is no dead letter any more; what fails again stays one.

    The exit status is 0 if all were or would be handled, 1 if not, 2 for wrong usage.
    """
    if edited is not None and len(ids) != 1:
        raise click.BadOptionUsage("--edited", "it takes the place of one event; name one id")
    store = open_store(address)
    chosen = choose(store, ids, is_all, options)
    replay = Replay(load_router(app), store, all_handlers=all_handlers)
    run = _Run(chosen, replay, edited.read_bytes() if edited is not None else None, is_meant)
    with ExitStack() as redirected:
        if as_json:
            redirected.enter_context(redirect_stdout(sys.stderr))
        asking(run.replay)
    with until_unread():
        if as_json:
            click.echo(json.dumps([_members(line) for line in run.lines], indent=2))
        else:
            run.show()
    context.exit(0 if all(line.is_ok for line in run.lines) else _NOT_ALL)


@define
class _Run:
    chosen: Chosen
    of: Replay
    raw: bytes | None
    is_meant: bool
    lines: list[_Line] = field(factory=list[_Line], init=False)

    async def replay(self) -> None:
        """Replay each, or say what would run."""
        await self.chosen.count()  # before anything runs, that all are there
        async for letter in self.chosen.letters():
            self.lines.append(await self._line(letter))

    async def _line(self, letter: DeadLetter) -> _Line:
        try:
            if self.is_meant:
                return _of_result(letter, await self.of.run(letter, raw=self.raw))
            return _of_explanation(letter, self.of.explain(letter, raw=self.raw))
        except RegistrationError as error:
            return _Line(letter, False, "not run", f"{error}; see --all-handlers")

    def show(self) -> None:
        """Show a table, and what is left to do."""
        if not self.lines:
            click.echo("no dead letters")
            return
        show(_table(self.lines))
        ok = sum(line.is_ok for line in self.lines)
        rest = len(self.lines) - ok
        if self.is_meant:
            stay = f"; {rest:,} {'stays' if rest == 1 else 'stay'}" if rest else ""
            click.echo(f"\n{number_of(ok)} handled and gone{stay}")
        else:
            click.echo(f"\nnothing was run; --run replays {number_of(len(self.lines))}")


def _of_explanation(letter: DeadLetter, explanation: Explanation) -> _Line:
    if explanation.error is not None:
        return _Line(letter, False, "would not run", _told(explanation.error))
    names = [verdict.route.named.name for verdict in explanation.verdicts if verdict.runs]
    return _Line(letter, True, "would run", ", ".join(names))


def _of_result(letter: DeadLetter, result: Result) -> _Line:
    text = "" if result.error is None else _told(result.error)
    return _Line(letter, result.ok, result.status, text)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error_text(error)}"


def _members(line: _Line) -> dict[str, Any]:
    return {
        "id": line.letter.id,
        "type": line.letter.type,
        "ok": line.is_ok,
        "outcome": line.outcome,
        "text": line.text,
    }


def _table(lines: list[_Line]) -> Table:
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for column in ("id", "event", "outcome", "handlers or error"):
        table.add_column(column, overflow="fold")
    for line in lines:
        table.add_row(
            line.letter.id,
            Text(printable(event_of(line.letter), _LONGEST_NAME)),
            Text(line.outcome, style="green" if line.is_ok else "red"),
            Text(printable(line.text, _LONGEST_TEXT)),
        )
    return table
