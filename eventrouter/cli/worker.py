"""``eventrouter worker``: process what a broker has for an application."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from socket import socket
from typing import TYPE_CHECKING

import anyio
import click
from attrs import define, field

from eventrouter.cli.application import load_router
from eventrouter.cli.connecting import broker_option, shown, telling_of
from eventrouter.cli.health import answering
from eventrouter.cli.listening import listen, url_of
from eventrouter.cli.options import grace_option
from eventrouter.cli.output import until_unread
from eventrouter.cli.working import Working
from eventrouter.errors import StoreError
from eventrouter.outbox import Outbox
from eventrouter.router import Router
from eventrouter.workers import Workers

if TYPE_CHECKING:
    from eventrouter.integrations.faststream.queues import Connection

_CLIENTS = ("aio_pika", "aiokafka", "aiormq", "nats")  # that log
_LAST_PORT = 65_535
_OUTBOX_GRACE = 1.0  # seconds; what is not published then is in the store for the next process


@click.command()
@click.argument("app")
@broker_option
@click.option(
    "--subject",
    metavar="SUBJECT",
    required=True,
    help="Which events: a subject of NATS, a routing key of RabbitMQ, a stream of Redis, a topic "
    "of Kafka; patterns where the broker has them.",
)
@click.option(
    "--group",
    metavar="NAME",
    required=True,
    help="What the workers are called that share the events.",
)
@click.option(
    "--concurrency",
    metavar="N",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many events are processed, and not acknowledged, at the same time.",
)
@click.option(
    "--stream",
    metavar="NAME",
    help="The stream of NATS, or the exchange of RabbitMQ, that the events are in.",
)
@click.option(
    "--dead-letters",
    metavar="PLACE",
    help="Where events go that can't be handled: a subject, a queue, a stream or a topic. One that "
    "is named after the group, unless given.",
)
@click.option(
    "--publish-to",
    metavar="PLACE",
    help="Where the events go that handlers return, such as 'events.{type}'.",
)
@click.option(
    "--declare",
    is_flag=True,
    help="Make on the broker what is missing, instead of refusing to start.",
)
@click.option(
    "--volatile",
    is_flag=True,
    help="Take a broker that may lose events, as one for tests may: Redis that keeps nothing on "
    "disk.",
)
@grace_option
@click.option(
    "--health",
    metavar="HOST:PORT",
    help="Answer GET /live and GET /ready there, for a supervisor.",
)
@click.pass_context
def worker(
    context: click.Context,
    app: str,
    url: str,
    subject: str,
    group: str,
    concurrency: int,
    stream: str | None,
    dead_letters: str | None,
    publish_to: str | None,
    declare: bool,
    volatile: bool,
    grace: float,
    health: str | None,
) -> None:
    """
    Process with APP the events of a broker, beside as many other workers as there are.

    An event is acknowledged when it was handled; given back if it may yet succeed; and set aside
    in the broker's place for dead letters if not. What could lose one is refused at the start.

    SIGTERM or Ctrl-C ends it: no more is taken, and what is in flight may finish. What has not
    when the grace is over is given back. A second Ctrl-C ends at once.

    The exit status is 0 if all that was in flight was finished, 1 if not or if the broker does not
    answer at the start, 2 for wrong usage, 130 after a second Ctrl-C.
    """
    router = load_router(app)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _quieten_clients()
    with telling_of(url):
        from eventrouter.integrations.faststream.queues import connection_of

        connection = connection_of(
            url,
            subject=subject,
            group=group,
            stream=stream,
            dead_letters=dead_letters,
            publish_to=publish_to,
            declare=declare,
            volatile=volatile,
        )
    if publish_to is not None:
        router.publisher = connection.publisher
    with ExitStack() as listened:
        listening = None
        if health is not None:
            listening = listened.enter_context(listen(*_address(health)))
        run = _Run(router, connection, concurrency, grace, listening)
        with telling_of(url):
            anyio.run(run.work, f"{connection.queue.place} at {shown(url)}", backend="asyncio")
    context.exit(run.working.report())


@define
class _Run:
    router: Router
    connection: Connection
    concurrency: int
    grace: float
    listening: socket | None
    working: Working = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.working = Working(self.grace, ", on the broker")

    async def work(self, place: str) -> None:
        """Process until a signal comes."""
        await self.working.run(self._started, lambda: _announce_start(place, self.listening))

    @asynccontextmanager
    async def _started(self) -> AsyncGenerator[Workers]:
        # Not imported before, since it needs an extra.
        from eventrouter.integrations.faststream.consuming import consuming

        queue = self.connection.queue
        async with AsyncExitStack() as stack:
            if self.listening is not None:
                await stack.enter_async_context(answering(self.listening, self._obstacle))
            stack.push_async_callback(self.connection.broker.stop)
            await queue.prepare()
            outbox = self._outbox()
            if outbox is not None:  # which ends after the workers, who fill it
                await stack.enter_async_context(_emptying(outbox))
            workers = await stack.enter_async_context(
                consuming(
                    self.router,
                    queue,
                    concurrency=self.concurrency,
                    attempts=5,
                    wait=1.0,
                    longest_wait=300.0,
                    grace=self.grace,
                )
            )
            yield workers

    def _outbox(self) -> Outbox | None:
        store, publisher = self.router.outbox_store, self.router.publisher
        return None if store is None or publisher is None else Outbox(store, publisher)

    def _obstacle(self) -> str | None:
        working = self.working
        if working.is_ending:
            return "it ends"
        if working.workers is None:
            return "it connects to the broker"
        return "the broker does not answer" if working.workers.is_failing else None


@asynccontextmanager
async def _emptying(outbox: Outbox) -> AsyncGenerator[None]:
    async with outbox.relaying(grace=_OUTBOX_GRACE) as relay:
        yield
        with anyio.move_on_after(_OUTBOX_GRACE), suppress(StoreError):
            await relay.emptied()


def _quieten_clients() -> None:
    # They tell of each attempt to connect; that there is no connection the workers say, once.
    for name in _CLIENTS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:  # unless APP says otherwise
            logger.setLevel(logging.CRITICAL)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _LAST_PORT:
        raise click.BadParameter(
            f"it is HOST:PORT, such as 0.0.0.0:8080, not {text!r}", param_hint="--health"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _announce_start(place: str, listening: socket | None) -> None:
    with until_unread():
        if listening is not None:
            click.echo(f"health at {url_of(listening)}/live and {url_of(listening)}/ready")
        click.echo(f"processing {place}, until SIGTERM or Ctrl-C")
