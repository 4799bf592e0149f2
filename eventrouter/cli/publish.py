"""``eventrouter publish``: send events, one a line, to a broker."""

from __future__ import annotations

import logging
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any

import anyio
import click
from attrs import define, field

from eventrouter.cli.application import load_router
from eventrouter.cli.connecting import broker_option, connected, telling_of
from eventrouter.cli.input import CannotRead, Line, are_typed, take_lines, total_size
from eventrouter.cli.interruption import INTERRUPTED, Stop
from eventrouter.cli.output import printable, until_unread
from eventrouter.cli.progress import Meter
from eventrouter.envelope import NO_HEADERS
from eventrouter.errors import MalformedEvent
from eventrouter.event import Event
from eventrouter.router import Router

if TYPE_CHECKING:
    from eventrouter.integrations.faststream.queues import Connection

_PATIENCE = 30.0  # seconds until a broker has confirmed an event
_MOST_TOLD = 20  # lines that are no events
_LONGEST_ERROR = 240  # characters


class NotConfirmed(click.ClickException):
    """Raised when the broker did not confirm an event."""

    def __init__(self, place: str, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        super().__init__(f"{place} was not confirmed: {printable(reason, _LONGEST_ERROR)}")


@click.command()
@click.argument(
    "files", nargs=-1, type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)
)
@broker_option
@click.option(
    "--to",
    metavar="PLACE",
    required=True,
    help="Where the events go, such as 'events.{type}', {type} being the type of each.",
)
@click.option("--stream", metavar="NAME", help="The exchange of RabbitMQ; amq.topic, unless given.")
@click.option(
    "--app",
    metavar="APP",
    help="MODULE:ATTRIBUTE of a router, whose envelopes the events are checked by; eventrouter's "
    "own JSON, unless given.",
)
@click.option(
    "--concurrency",
    metavar="N",
    default=200,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many events are sent and not confirmed at the same time; 1 keeps their order.",
)
@click.pass_context
def publish(
    context: click.Context,
    files: tuple[str, ...],
    url: str,
    to: str,
    stream: str | None,
    app: str | None,
    concurrency: int,
) -> None:
    """
    Send the events in FILES to a broker, one JSON object a line, as they are.

    Without FILES, or for -, standard input is read. A line that is no event is not sent. If the
    broker does not confirm an event, no more are sent. Ctrl-C sends no more, and waits for what
    was sent; a second one ends at once. The number of the events that were confirmed is told.

    The exit status is 0 if all were confirmed, 1 if not, 2 for wrong usage, 130 after Ctrl-C.
    """
    router = Router() if app is None else load_router(app)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with telling_of(url):
        from eventrouter.integrations.faststream.queues import connection_of

        # Nothing is taken; what is never opened is never looked for.
        connection = connection_of(
            url,
            subject=to.replace("{type}", "any"),
            group="eventrouter-publish",
            stream=stream,
            publish_to=to,
        )
    run = _Run(router, files, connection, concurrency)
    with telling_of(url):
        anyio.run(run.publish, url, backend="asyncio")
    run.report()
    if run.error is not None:
        raise run.error
    if run.is_interrupted:
        context.exit(INTERRUPTED)
    context.exit(1 if run.bad or run.unconfirmed else 0)


@define
class _Run:
    router: Router
    files: tuple[str, ...]
    connection: Connection
    concurrency: int
    confirmed: int = field(default=0, init=False)
    bad: int = field(default=0, init=False)
    is_interrupted: bool = field(default=False, init=False)
    error: click.ClickException | None = field(default=None, init=False)
    unconfirmed: dict[int, str] = field(factory=dict[int, str], init=False)
    _sent: int = field(default=0, init=False)
    _last: str = field(default="", init=False)
    _seconds: float = field(default=0.0, init=False)

    async def publish(self, url: str) -> None:
        """Send all events, as far as the broker confirms them."""
        stop = Stop(_announce_stop)
        meter = Meter(total_size(self.files), is_hidden=are_typed(self.files))
        with stop.on_ctrl_c():
            async with connected(self.connection, url):
                started = perf_counter()
                with meter:
                    await self._send_all(stop, meter)
                self._seconds = perf_counter() - started
        self.is_interrupted = stop.is_interrupted

    def report(self) -> None:
        """Say how many events were confirmed, and from where on they were not."""
        with until_unread():
            click.echo(self._said())
        if self.bad:
            noun, verb = ("line", "is") if self.bad == 1 else ("lines", "are")
            click.echo(f"{self.bad:,} {noun} {verb} no event, and not sent", err=True)

    def _said(self) -> str:
        noun = "event is" if self.confirmed == 1 else "events are"
        said = f"{self.confirmed:,} {noun} confirmed"
        if self.unconfirmed:
            return f"{said}; the first that is not is {next(iter(self.unconfirmed.values()))}"
        if self.is_interrupted or self.error is not None:
            return f"{said}, up to {self._last}" if self._last else said
        rate = self.confirmed / self._seconds if self._seconds else 0.0
        return f"{said}, in {self._seconds:,.2f} s, {rate:,.0f} events/s"

    async def _send_all(self, stop: Stop, meter: Meter) -> None:
        places = anyio.Semaphore(self.concurrency)

        async def send(event: Event[Any], line: Line, number: int) -> None:
            try:
                with anyio.fail_after(_PATIENCE):
                    await self.connection.publisher.publish(event, bytes(line), NO_HEADERS)
            except Exception as error:
                self.error = self.error or NotConfirmed(line.place, error)
                stop.ask()
            else:
                self.confirmed += 1
                del self.unconfirmed[number]
                meter.advance(line)
            finally:
                places.release()

        async with anyio.create_task_group() as tasks:
            try:
                async with aclosing(take_lines(self.files, stop)) as lines:
                    async for line in lines:
                        event = self._read(line)
                        if event is None:
                            meter.advance(line)
                            continue
                        await places.acquire()
                        if stop.is_asked:
                            break
                        self._sent += 1
                        self._last = self.unconfirmed[self._sent] = line.place
                        tasks.start_soon(send, event, line, self._sent)
            except CannotRead as unreadable:
                self.error = unreadable

    def _read(self, line: Line) -> Event[Any] | None:
        try:
            return self.router.read(line, NO_HEADERS)
        except MalformedEvent as error:
            self.bad += 1
            if self.bad <= _MOST_TOLD:
                click.echo(f"{line.place}: {printable(str(error), _LONGEST_ERROR)}", err=True)
            return None


def _announce_stop() -> None:
    click.echo("waiting for what was sent; Ctrl-C again ends at once", err=True)
