"""``eventrouter dead-letters show``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from eventrouter.cli.dead_letters.choosing import get_letter, store_option
from eventrouter.cli.dead_letters.members import all_members_of, event_of, received_of
from eventrouter.cli.opening import asking, open_store
from eventrouter.cli.options import json_option
from eventrouter.cli.output import printable, until_unread
from eventrouter.stores.letters import DeadLetter

_LONGEST = 2_000  # characters of a line


@click.command("show")
@store_option
@click.argument("id")
@click.option(
    "--raw", "as_raw", is_flag=True, help="Print nothing but the event, byte for byte, to mend it."
)
@json_option
def show_letter(address: str, id: str, as_raw: bool, as_json: bool) -> None:
    """Show all that is kept of the dead letter with that ID."""
    if as_raw and as_json:
        raise click.UsageError("--raw and --json print two different things; name one")
    letter = asking(get_letter, open_store(address), id)
    with until_unread():
        if as_raw:
            sys.stdout.buffer.write(letter.raw)
        elif as_json:
            click.echo(json.dumps(all_members_of(letter), indent=2))
        else:
            for line in _lines(letter):
                click.echo(line)


def _lines(letter: DeadLetter) -> Iterator[str]:
    attempts = "1 attempt" if letter.attempts == 1 else f"{letter.attempts:,} attempts"
    facts = {
        "event": event_of(letter),
        "event id": letter.event_id or "(none)",
        "received": received_of(letter),
        "outcome": f"{letter.status} after {attempts}",
        "error": letter.error,
        "message": letter.message,
    }
    for name, value in facts.items():
        yield f"{name:<10}{printable(value, _LONGEST)}"
    if letter.handlers:
        yield "\nhandlers"
        for run in letter.handlers:
            outcome = "done" if run.error is None else f"failed with {run.error}"
            yield f"  {printable(f'{run.handler}: {outcome}', _LONGEST)}"
    if letter.headers:
        yield "\nheaders"
        for name, value in letter.headers.items():
            yield f"  {printable(f'{name}: {value}', _LONGEST)}"
    if letter.traceback:
        yield "\ntraceback"
        for line in letter.traceback.splitlines():
            indent = " " * (len(line) - len(line.lstrip()))
            yield f"  {indent}{printable(line, _LONGEST)}"
    yield "\nraw"
    yield f"  {printable(letter.raw.decode(errors='backslashreplace'), _LONGEST)}"
