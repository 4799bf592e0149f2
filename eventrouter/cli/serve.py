"""``eventrouter serve``: an HTTP endpoint for the router of an application."""

from __future__ import annotations

import logging
import os
import shlex
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import anyio
import click
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Table

from eventrouter.cli.application import compile_router, load
from eventrouter.cli.listening import listen, url_of
from eventrouter.cli.opening import StoreAddress, open_store
from eventrouter.cli.options import grace_option
from eventrouter.cli.output import show, until_unread
from eventrouter.errors import MalformedEvent
from eventrouter.event import Event, now
from eventrouter.inbox import Inbox
from eventrouter.integrations.http import ASGIEndpoint, asgi
from eventrouter.integrations.http.answers import PHRASES
from eventrouter.patterns import Specificity, specificity
from eventrouter.router import Router

if TYPE_CHECKING:
    from eventrouter.cli.server import Server

_CUT_OFF = 1  # the exit status


class NoServer(click.ClickException):
    """Raised when the server is not installed."""

    exit_code = 2


@click.command()
@click.argument("app")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; 0.0.0.0 for all of this machine.",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="The port to listen on; 0 for any that is free.",
)
@grace_option
@click.option(
    "--background",
    is_flag=True,
    help="Answer 202 as soon as an event is read, and process it in the background.",
)
@click.option(
    "--inbox",
    metavar="STORE",
    type=StoreAddress(),
    help="Answer 202 once an event is in STORE, and process what is there; no end of the process "
    "loses it then. A file, or postgresql://user@host/database.",
)
@click.pass_context
def serve(
    context: click.Context,
    app: str,
    host: str,
    port: int,
    grace: float,
    background: bool,
    inbox: str | None,
) -> None:
    """
    Serve APP over HTTP: an event is sent by POST, to any path.

    APP may name what asgi() makes of a router, too: with a signature to check, or other settings.

    SIGTERM or Ctrl-C ends it: no more is accepted, and what is in flight may finish. What has not
    when the grace is over is cancelled, and answered 503, or stays in the inbox. A second Ctrl-C
    ends at once.

    The exit status is 0 if all that was in flight was finished, 1 if not, 2 for wrong usage, 130
    after a second Ctrl-C.
    """
    try:
        from eventrouter.cli.server import Server
    except ImportError as error:
        if error.name != "uvicorn":
            raise
        raise NoServer(
            "eventrouter serve needs the extras: pip install 'eventrouter[cli,http]'"
        ) from error
    endpoint = _load_endpoint(app, background, inbox, grace)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with listen(host, port) as listening:
        server = Server(
            endpoint,
            listening,
            grace,
            announce_start=lambda: _announce_start(endpoint, listening),
            announce_end=_announce_end,
            give_up=lambda: _give_up(server),
        )
        anyio.run(server.serve, backend="asyncio")
    _report(server)
    context.exit(_CUT_OFF if server.cut_off or server.lost or server.given_back else 0)


def _load_endpoint(app: str, is_background: bool, inbox: str | None, grace: float) -> ASGIEndpoint:
    if is_background and inbox is not None:
        raise click.BadOptionUsage("--background", "--inbox answers 202 too; leave one out")
    kinds: tuple[type[Router | ASGIEndpoint], ...] = (Router, ASGIEndpoint)
    found = load(app, *kinds)
    if isinstance(found, Router):
        compile_router(app, found)
        if inbox is not None:
            return asgi(found, inbox=Inbox(open_store(inbox)), grace=grace)
        return asgi(found, on_accept=202 if is_background else None)
    if is_background:
        raise click.BadOptionUsage(
            "--background", f"{app} is what asgi() made; give that on_accept=202 instead"
        )
    if inbox is not None:
        raise click.BadOptionUsage(
            "--inbox", f"{app} is what asgi() made; give that inbox=Inbox(...) instead"
        )
    compile_router(app, found.endpoint.router)
    return found


def _example(endpoint: ASGIEndpoint, url: str) -> str:
    """A command that sends an event, with as much as can be known of it."""
    router = endpoint.endpoint.router
    exact = (
        (route.pattern, route.version)
        for route in router.routes()
        if not route.is_observer
        and not route.is_fallback
        and specificity(route.pattern) is Specificity.EXACT
    )
    event_type, version = next(exact, ("some.event", None))
    metadata = {} if version is None else {"version": version}
    try:
        body, headers = router.write(Event(event_type, {}, now(), metadata))
    except MalformedEvent:  # the envelope has no place for one of these
        body, headers = b"...", {"Content-Type": "application/json"}
    fields = [part for field in headers.items() for part in ("-H", ": ".join(field))]
    command = shlex.join(["curl", url, *fields, "-d", body.decode()])
    return f"{command}  # and its signature" if endpoint.endpoint.signature else command


def _announce_start(endpoint: ASGIEndpoint, listening: socket.socket) -> None:
    url = url_of(listening)
    with until_unread():
        click.echo(f"listening on {url}, until SIGTERM or Ctrl-C")
        click.echo(f"try it: {_example(endpoint, url)}")


def _announce_end() -> None:
    click.echo("finishing what is in flight; Ctrl-C ends at once", err=True)


def _give_up(server: Server) -> NoReturn:
    # An exception would wait for the threads that handlers run in.
    _report(server)
    sys.stderr.flush()
    os._exit(_CUT_OFF)


def _report(server: Server) -> None:
    with until_unread():
        show(*_lines(server.answers))
    cut_off = [
        f"{count:,} {noun if count == 1 else f'{noun}s'}"
        for count, noun in ((server.cut_off, "request"), (server.lost, "accepted event"))
        if count
    ]
    if cut_off:
        click.echo(f"the grace was over: {' and '.join(cut_off)} cut off", err=True)
    if server.given_back:
        noun = "event stays" if server.given_back == 1 else "events stay"
        click.echo(f"the grace was over: {server.given_back:,} {noun} in the inbox", err=True)


def _lines(answers: Counter[int]) -> Iterator[RenderableType]:
    if not answers:
        yield "no requests"
        return
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, show_footer=True)
    table.add_column("answer", "all")
    table.add_column("requests", f"{answers.total():,}", justify="right")
    for status, count in sorted(answers.items()):
        style = "green" if status < 300 else "red" if status >= 500 else "yellow"
        table.add_row(f"{status} {PHRASES[status]}", f"{count:,}", style=style)
    yield table
