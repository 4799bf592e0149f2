"""Processing what a broker has, of which a store in memory does the part here."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import anyio
import pytest
from attrs import define, field, frozen

from eventrouter import Event, MemoryStore
from eventrouter.cli.worker import worker
from eventrouter.errors import RegistrationError, StoreError
from eventrouter.event import now
from eventrouter.integrations.faststream import queues
from eventrouter.stores.entries import Entry
from tests.cli.conftest import ROOT, CommandLine, event

URL = "nats://worker:s3cret@127.0.0.1:4222"
ARGUMENTS = ("worker", "app:router", "--subject", "orders.>", "--group", "orders")

ENDING = """
import os
import re
import signal

from eventrouter import Router

router = Router()


@router.on("order.paid")
async def settle(payload: dict[str, str]) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
"""


GIVING = """
from eventrouter import Event, MemoryStore, Router

store = MemoryStore()
router = Router(SETTINGS)


@router.on("order.paid")
async def settle(payload: dict[str, str]) -> Event:
    return Event.new("order.settled", payload)
"""


@define
class Opening:
    """What is to happen when a queue is opened, and what did."""

    failure: Exception | None = None
    limits: list[int] = field(factory=list[int])
    is_closed: bool = False


@frozen(eq=False)
class MemoryQueue(MemoryStore):
    """A queue as that of a broker, which fails to open if it is told to."""

    place = "orders.> of the stream ORDERS"
    lease = 30.0

    opening: Opening = field(factory=Opening, kw_only=True)

    async def open(self, limit: int) -> None:
        self.opening.limits.append(limit)
        if self.opening.failure is not None:
            raise self.opening.failure

    async def prepare(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def close(self) -> None:
        self.opening.is_closed = True

    async def entry_of(self, message: Any) -> Entry:
        raise AssertionError


class NoBroker:
    """What disconnects."""

    is_stopped = False

    async def stop(self) -> None:
        self.is_stopped = True


@define
class EndingPublisher:
    """Keeps what is published, and ends the process."""

    kept: list[Event[Any]] = field(factory=list[Event[Any]])

    async def publish(self, event: Event[Any], raw: bytes, headers: Any) -> None:
        self.kept.append(event)
        os.kill(os.getpid(), signal.SIGTERM)


class Broker:
    """The broker that the command gets, and what it was asked for."""

    def __init__(self) -> None:
        self.queue = MemoryQueue()
        self.broker = NoBroker()
        self.publisher = EndingPublisher()
        self.asked: dict[str, Any] = {}

    def connection_of(self, url: str, **settings: Any) -> queues.Connection:
        self.asked = {"url": url, **settings}
        return queues.Connection(broker=self.broker, queue=self.queue, publisher=self.publisher)

    def fill(self, *events: str) -> None:
        async def put() -> None:
            for one in events:
                await self.queue.put(one.encode(), {}, now())

        anyio.run(put)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, command: CommandLine) -> Broker:
    broker = Broker()
    monkeypatch.setattr(queues, "connection_of", broker.connection_of)
    monkeypatch.setenv("EVENTROUTER_BROKER", URL)
    command.write("app.py", ENDING)
    return broker


def test_events_are_processed_until_a_signal_comes(command: CommandLine, broker: Broker) -> None:
    broker.fill(event(), event("order.lost"))

    result = command.run(*ARGUMENTS)

    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "processing orders.> of the stream ORDERS at nats://127.0.0.1:4222, until SIGTERM or "
        "Ctrl-C\n"
        "outcome    times\n"
        "────────────────\n"
        "handled        1\n"
        "unrouted       1\n"
        "────────────────\n"
        "all            2\n"
        "\n"
        "1 dead letter, on the broker\n"
    )
    assert result.stderr.startswith("finishing what is in flight; Ctrl-C ends at once\n")


def test_the_broker_is_left_as_it_should_be(command: CommandLine, broker: Broker) -> None:
    broker.fill(event())

    command.run(*ARGUMENTS, "--concurrency", "7")

    assert broker.queue.opening.limits == [7]
    assert broker.queue.opening.is_closed
    assert broker.broker.is_stopped


def test_what_is_asked_of_the_broker_is_what_was_said(command: CommandLine, broker: Broker) -> None:
    broker.fill(event())

    command.run(
        *ARGUMENTS, "--stream", "ORDERS", "--dead-letters", "lost", "--declare",
        "--broker", "redis://127.0.0.1",
    )  # fmt: skip

    assert broker.asked == {
        "url": "redis://127.0.0.1",
        "subject": "orders.>",
        "group": "orders",
        "stream": "ORDERS",
        "dead_letters": "lost",
        "publish_to": None,
        "declare": True,
        "volatile": False,
    }


def test_settings_that_could_lose_events_are_wrong_usage(
    command: CommandLine, broker: Broker
) -> None:
    broker.queue.opening.failure = RegistrationError(
        "the stream is in memory; make it with --storage file"
    )

    result = command.run(*ARGUMENTS)

    assert result.exit_code == 2
    assert result.stderr == "Error: the stream is in memory; make it with --storage file\n"


def test_a_broker_that_does_not_answer_is_told_of_without_its_password(
    command: CommandLine, broker: Broker
) -> None:
    broker.queue.opening.failure = StoreError(f"can't connect to {URL}: s3cret is refused")

    result = command.run(*ARGUMENTS)

    assert result.exit_code == 1
    assert result.stderr == "Error: can't connect to nats://127.0.0.1:4222: *** is refused\n"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("kafak://127.0.0.1", "a broker's URL begins with nats://"),
        ("127.0.0.1:4222", "a broker's URL begins with nats://"),
    ],
)
def test_a_url_of_no_known_broker_is_refused(command: CommandLine, url: str, message: str) -> None:
    result = command.run(*ARGUMENTS, "--broker", url)

    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("missing", ["--subject", "--group", "--broker"])
def test_what_has_no_good_default_must_be_said(command: CommandLine, missing: str) -> None:
    said = {"--subject": "orders.>", "--group": "orders", "--broker": URL}
    del said[missing]

    result = command.run("worker", "app:router", *(part for pair in said.items() for part in pair))

    assert result.exit_code == 2
    assert f"Missing option '{missing}'" in result.stderr


@pytest.mark.parametrize("address", ["8080", "here:http", "127.0.0.1:70000", "127.0.0.1:"])
def test_where_health_is_told_is_a_host_and_a_port(
    command: CommandLine, broker: Broker, address: str
) -> None:
    result = command.run(*ARGUMENTS, "--health", address)

    assert result.exit_code == 2
    assert f"it is HOST:PORT, such as 0.0.0.0:8080, not {address!r}" in result.stderr


@pytest.mark.parametrize("settings", ["", "idempotency=store"])
def test_what_handlers_return_is_published(
    command: CommandLine, broker: Broker, settings: str
) -> None:
    command.write("app.py", GIVING.replace("SETTINGS", settings))
    broker.fill(event(id="1"))

    result = command.run(*ARGUMENTS, "--publish-to", "events.{type}")

    assert result.exit_code == 0, result.output
    assert [given.type for given in broker.publisher.kept] == ["order.settled"]
    assert broker.asked["publish_to"] == "events.{type}"


def test_what_handlers_return_goes_nowhere_unless_that_is_said(
    command: CommandLine, broker: Broker
) -> None:
    command.write("app.py", ENDING + "    return Event.new('order.settled', payload)\n")
    command.write(
        "app.py", "from eventrouter import Event\n" + (command.folder / "app.py").read_text()
    )
    broker.fill(event())

    result = command.run(*ARGUMENTS)

    assert result.exit_code == 0, result.output
    assert broker.publisher.kept == []


def test_the_page_tells_of_each_option() -> None:
    page = (ROOT / "docs" / "worker.md").read_text()
    options = {name for option in worker.params for name in option.opts if name[0] == "-"}

    assert set(re.findall(r"^\| `(--[\w-]+)", page, re.MULTILINE)) == options
