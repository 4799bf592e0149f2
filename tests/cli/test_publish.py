"""Sending events to a broker, of which a list does the part here."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from attrs import define, field

from eventrouter import Event
from eventrouter.integrations.faststream import queues
from tests.cli.conftest import CommandLine, event, lines

URL = "nats://sender:s3cret@127.0.0.1:4222"
ARGUMENTS = ("publish", "events.ndjson", "--to", "events.{type}", "--broker", URL)


@define
class Broker:
    """Confirms events, unless it is told not to, and keeps them."""

    kept: list[tuple[str, bytes]] = field(factory=list[tuple[str, bytes]])
    fails_at: str | None = None
    cant_connect: Exception | None = None
    is_connected: bool = False
    asked: dict[str, Any] = field(factory=dict[str, Any])
    at_once: int = 0
    most_at_once: int = 0
    waits_for: int = 1
    came: anyio.Event = field(factory=anyio.Event)

    async def connect(self) -> None:
        if self.cant_connect is not None:
            raise self.cant_connect
        self.is_connected = True

    async def stop(self) -> None:
        self.is_connected = False

    async def publish(self, event: Event[Any], raw: bytes, headers: Any) -> None:
        assert self.is_connected
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once >= self.waits_for:
            self.came.set()
        await self.came.wait()
        self.at_once -= 1
        if event.payload["order_id"] == self.fails_at:
            raise OSError("no space left on device")
        self.kept.append((event.type, raw))

    def connection_of(self, url: str, **settings: Any) -> queues.Connection:
        self.asked = {"url": url, **settings}
        unused: Any = None
        return queues.Connection(broker=self, queue=unused, publisher=self)

    @property
    def orders(self) -> list[str]:
        return [raw.decode() for _, raw in self.kept]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, command: CommandLine) -> Broker:
    broker = Broker()
    monkeypatch.setattr(queues, "connection_of", broker.connection_of)
    return broker


def numbered(count: int) -> list[str]:
    return [event(order_id=f"o-{number}") for number in range(1, count + 1)]


def test_each_line_is_sent_as_it_is(command: CommandLine, broker: Broker) -> None:
    odd = '{ "payload": {"order_id": "o-1"},  "event_type": "order.paid" }'
    command.write("events.ndjson", lines(odd, event("order.shipped")))

    result = command.run(*ARGUMENTS)

    assert result.exit_code == 0, result.output
    assert broker.kept == [
        ("order.paid", odd.encode()),
        ("order.shipped", event("order.shipped").encode()),
    ]
    assert result.stdout.startswith("2 events are confirmed, in ")
    assert broker.asked["publish_to"] == "events.{type}"
    assert not broker.is_connected


def test_a_line_that_is_no_event_is_told_of_and_not_sent(
    command: CommandLine, broker: Broker
) -> None:
    command.write("events.ndjson", lines(event(), "{}", "", "[", event(order_id="o-4")))

    result = command.run(*ARGUMENTS)

    assert result.exit_code == 1
    assert broker.orders == [event(), event(order_id="o-4")]
    assert "events.ndjson:2: " in result.stderr
    assert "events.ndjson:4: " in result.stderr
    assert result.stderr.endswith("2 lines are no event, and not sent\n")


def test_of_many_bad_lines_only_the_first_are_told_of(command: CommandLine, broker: Broker) -> None:
    command.write("events.ndjson", lines(*["{}"] * 1_000))

    result = command.run(*ARGUMENTS)

    assert len(result.stderr.splitlines()) == 21
    assert result.stderr.endswith("1,000 lines are no event, and not sent\n")


def test_after_one_that_is_not_confirmed_no_more_are_sent(
    command: CommandLine, broker: Broker
) -> None:
    broker.fails_at = "o-3"
    command.write("events.ndjson", lines(*numbered(1_000)))

    result = command.run(*ARGUMENTS, "--concurrency", "1")

    assert result.exit_code == 1
    assert broker.orders == numbered(2)
    assert result.stdout == ("2 events are confirmed; the first that is not is events.ndjson:3\n")
    assert "events.ndjson:3 was not confirmed: no space left on device" in result.stderr


def test_what_was_sent_beside_it_is_counted(command: CommandLine, broker: Broker) -> None:
    broker.fails_at = "o-3"
    command.write("events.ndjson", lines(*numbered(1_000)))

    result = command.run(*ARGUMENTS, "--concurrency", "10")

    assert 2 < len(broker.kept) < 20
    assert result.stdout == (
        f"{len(broker.kept)} events are confirmed; the first that is not is events.ndjson:3\n"
    )


@pytest.mark.parametrize("concurrency", [1, 7])
def test_no_more_are_sent_at_the_same_time_than_was_said(
    command: CommandLine, broker: Broker, concurrency: int
) -> None:
    broker.waits_for = concurrency
    command.write("events.ndjson", lines(*numbered(100)))

    command.run(*ARGUMENTS, "--concurrency", str(concurrency))

    assert len(broker.kept) == 100
    assert broker.most_at_once == concurrency


def test_one_at_a_time_keeps_the_order(command: CommandLine, broker: Broker) -> None:
    command.write("events.ndjson", lines(*numbered(100)))

    command.run(*ARGUMENTS, "--concurrency", "1")

    assert broker.orders == numbered(100)


def test_the_envelopes_of_a_router_say_what_is_an_event(
    command: CommandLine, broker: Broker
) -> None:
    command.write(
        "clouds.py",
        "from eventrouter import CloudEventsEnvelope, Router\n"
        "router = Router(envelope=CloudEventsEnvelope())\n",
    )
    cloud = (
        '{"specversion": "1.0", "id": "1", "source": "shop", "type": "order.paid", '
        '"data": {"order_id": "o-1"}}'
    )
    command.write("events.ndjson", lines(cloud, event()))

    result = command.run(*ARGUMENTS, "--app", "clouds:router")

    assert result.exit_code == 1
    assert broker.kept == [("order.paid", cloud.encode())]
    assert "events.ndjson:2: " in result.stderr


def test_a_broker_that_does_not_answer_is_told_of_without_its_password(
    command: CommandLine, broker: Broker
) -> None:
    broker.cant_connect = OSError(f"{URL} refused s3cret")
    command.write("events.ndjson", lines(event()))

    result = command.run(*ARGUMENTS)

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: can't connect to nats://127.0.0.1:4222: nats://127.0.0.1:4222 refused ***\n"
    )


def test_what_can_t_be_read_to_its_end_is_told_of(
    command: CommandLine, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.write("events.ndjson", lines(event()))
    monkeypatch.setattr("sys.stdin", None)

    result = command.run("publish", "events.ndjson", "-", *ARGUMENTS[2:])

    assert result.exit_code == 1
    assert result.stdout == "1 event is confirmed, up to events.ndjson:1\n"
    assert "can't read <stdin>" in result.stderr
