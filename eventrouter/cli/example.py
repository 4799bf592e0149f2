"""``eventrouter example``: an event that a router takes, made up."""

from __future__ import annotations

import click

from eventrouter.cli.application import load_router
from eventrouter.cli.output import until_unread
from eventrouter.errors import NoExample, UnroutedEvent


@click.command()
@click.argument("app")
@click.argument("type")
@click.option("--version", help="The event's version.")
@click.option("--seed", default=0, help="Another number gives another event.", show_default=True)
def example(app: str, type: str, version: str | None, seed: int) -> None:
    """Make up an event of a TYPE that handlers of APP take, and write it on one line."""
    router = load_router(app)
    try:
        raw, headers = router.write(router.example(type, version=version, seed=seed))
    except (NoExample, UnroutedEvent) as error:
        raise click.ClickException(str(error)) from error
    for name, value in headers.items():
        if name != "Content-Type":  # the event is not whole without it
            click.echo(f"{name}: {value}", err=True)
    with until_unread():
        click.echo(raw.decode())
