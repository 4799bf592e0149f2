"""``eventrouter explain``: which routes events would take, and why."""

from __future__ import annotations

import click

from eventrouter.cli.application import load_router
from eventrouter.cli.input import read_lines
from eventrouter.cli.output import printable, until_unread

_LONGEST = 2_000  # characters of a line


@click.command()
@click.argument("app")
@click.argument("file", default="-", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def explain(app: str, file: str) -> None:
    """Say which routes of APP each event in FILE would take, and why; run none."""
    router = load_router(app)
    with until_unread():
        for line in read_lines([file]):
            headline, *verdicts = str(router.explain(line)).splitlines()
            click.echo(f"{line.place}: {printable(headline, _LONGEST)}")
            for verdict in verdicts:
                click.echo(f"  {printable(verdict, _LONGEST)}")
