"""What is told of an event that is delivered again, restarts, and dead letters that don't fit."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import anyio
import nats
import pytest

from eventrouter import Router, StoreError
from eventrouter.event import now
from eventrouter.integrations.faststream.nats.letters import fitting, size_of
from eventrouter.integrations.faststream.nats.queue import NatsQueue
from eventrouter.integrations.faststream.queues import connection_of
from eventrouter.result import Status
from eventrouter.stores.entries import Entry
from eventrouter.stores.letters import DeadLetter
from tests.brokers.nats.conftest import NatsRig
from tests.brokers.nats.servers import serving
from tests.brokers.scenarios import Seen, declare, take_one, until, working
from tests.events import raw_event
from tests.inbox.conftest import Gate

pytestmark = pytest.mark.anyio


# Counts


async def test_what_is_given_back_without_a_fault_costs_no_attempt(rig: NatsRig) -> None:
    queue = rig.queue("g")
    await declare(rig, "g")
    await rig.publish(raw_event())
    await queue.open(1)

    for _ in range(3):
        entry = await take_one(queue)
        assert (entry.attempts, entry.failed) == (1, 0)
        await queue.give_back(entry)
    await queue.stop()
    await queue.close()


async def test_failures_are_told_from_deaths(rig: NatsRig) -> None:
    queue = rig.queue("g", lease=0.2)
    await declare(rig, "g", lease=0.2)
    await rig.publish(raw_event())
    await queue.open(1)

    await queue.give_back(await take_one(queue), charge=True)
    failed_once = await take_one(queue)  # which never ends: its lease runs out
    died_once = await take_one(queue)
    await queue.done(died_once)
    await queue.stop()
    await queue.close()

    assert (failed_once.attempts, failed_once.failed) == (2, 1)
    assert (died_once.attempts, died_once.failed) == (3, 1)


async def test_what_ends_its_process_beside_others_is_not_blamed_more_than_twice(
    rig: NatsRig,
) -> None:
    queue = rig.queue("g", lease=0.2)
    await declare(rig, "g", lease=0.2)
    await rig.publish(raw_event())
    await queue.open(1)

    attempts = [(await take_one(queue)).attempts for _ in range(5)]  # whose leases run out
    await queue.stop()
    await queue.close()

    assert attempts == [1, 2, 3, 3, 3]


async def test_each_time_that_an_event_ends_its_process_alone_counts(rig: NatsRig) -> None:
    queue = rig.queue("g", lease=0.2)
    await declare(rig, "g", lease=0.2)
    await rig.publish(raw_event())
    await queue.open(1)

    attempts = list[int]()
    for _ in range(5):
        entry = await take_one(queue)
        attempts.append(entry.attempts)
        if entry.attempts > 2:
            await queue.suspect(entry)
    await queue.stop()
    await queue.close()

    assert attempts == [1, 2, 3, 4, 5]


async def test_an_event_that_ends_by_itself_is_not_blamed_for_having_been_alone(
    rig: NatsRig,
) -> None:
    queue = rig.queue("g")
    await declare(rig, "g")
    await rig.publish(raw_event())
    await queue.open(1)

    entry = await take_one(queue)
    await queue.suspect(entry)
    await queue.give_back(entry, charge=True)
    entry = await take_one(queue)
    await queue.stop()
    await queue.close()

    assert (entry.attempts, entry.failed) == (2, 1)


async def test_an_event_that_can_not_be_suspected_is_not_begun(
    rig: NatsRig, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()
    seen = Seen(router)
    queue = rig.queue("g", lease=0.2)
    await declare(rig, "g", lease=0.2)
    await rig.publish(raw_event("counted", 1))
    await queue.open(1)
    for _ in range(2):
        await take_one(queue)
    await queue.stop()
    await queue.close()
    bucket = f"KV_{rig.stream}-g-attempts"
    config = (await rig.jetstream.stream_info(bucket)).config

    async with working(queue, router):
        await rig.jetstream.update_stream(config.evolve(max_msg_size=1))
        await until(lambda: "can't be begun" in caplog.text)
        assert seen.passed == []
        await rig.jetstream.update_stream(config)
        await seen.until(1)

    assert seen.passed == [1]


async def test_what_is_done_does_not_come_again_when_another_is_given_back(rig: NatsRig) -> None:
    queue = rig.queue("g")
    await declare(rig, "g")
    for number in range(3):
        await rig.publish(raw_event("counted", number))
    await queue.open(4)
    entries = list[Entry]()
    while len(entries) < 3:  # and one more was asked for
        entries += await queue.take("w", limit=4, lease=queue.lease)
    first, second, last = entries

    await queue.done(last)
    await queue.recede()
    await queue.give_back(second)
    await queue._client.flush()
    await rig.jetstream.stream_info(rig.stream)  # so that the server has looked who wants it
    again = await take_one(queue)
    rest = await queue.take("w", limit=4, lease=queue.lease)
    await queue.done(first)
    await queue.stop()
    await queue.close()

    assert (again.id, again.attempts, rest) == (second.id, 1, [])


async def test_nothing_is_counted_any_more_once_an_event_is_done(rig: NatsRig) -> None:
    queue = rig.queue("g")
    await declare(rig, "g")
    await rig.publish(raw_event())
    await queue.open(1)

    await queue.give_back(await take_one(queue), charge=True)
    await queue.done(await take_one(queue))
    await queue.stop()
    await queue.close()

    info = await rig.jetstream.stream_info(f"KV_{rig.stream}-g-attempts")
    assert info.state.messages == 0


async def test_what_was_received_and_not_taken_is_given_back_at_no_cost(rig: NatsRig) -> None:
    one, other = rig.queue("g"), rig.queue("g")
    await declare(rig, "g")
    for number in range(10):
        await rig.publish(raw_event("counted", number))

    await one.open(10)
    pull = one._pull
    assert pull is not None
    await pull._ask(10)
    await until(lambda: len(pull._messages) == 10)
    await one.stop()
    await one.close()

    await other.open(10)
    entry = await take_one(other)
    await other.stop()
    await other.close()
    assert (entry.attempts, entry.failed) == (1, 0)


async def test_what_was_received_is_given_back_before_an_event_is_processed_alone(
    rig: NatsRig,
) -> None:
    queue = rig.queue("g")
    await declare(rig, "g")
    for number in range(3):
        await rig.publish(raw_event("counted", number))
    await queue.open(3)
    pull = queue._pull
    assert pull is not None
    await pull._ask(3)
    await until(lambda: len(pull._messages) == 3)

    await queue.recede()

    assert pull._messages == deque()
    entry = await take_one(queue)
    assert (entry.attempts, entry.failed) == (1, 0)
    await queue.stop()
    await queue.close()


async def test_a_long_handler_keeps_its_event(rig: NatsRig) -> None:
    router = Router()
    gate = Gate(router)
    await declare(rig, "g", lease=0.3)
    await rig.publish(raw_event("counted", 1))

    async with working(rig.queue("g", lease=0.3), router) as workers:
        await gate.until_begun(1)
        await anyio.sleep(1)  # more than three leases
        gate.open()
        with anyio.fail_after(30):
            await workers.emptied()

    assert gate.begun == [1]


# Restarts


async def test_nothing_is_lost_when_the_server_is_killed_and_starts_again(tmp_path: Path) -> None:
    with serving(tmp_path, "-js") as server:
        connection = connection_of(server.url, subject="e.>", group="g", stream="E", declare=True)
        assert isinstance(connection.queue, NatsQueue)
        router = Router()
        seen = Seen(router)
        await connection.queue.prepare()
        await connection.queue.close()
        client = await nats.connect(server.url)
        for number in range(200):
            await client.jetstream().publish("e.x", raw_event("counted", number))
        await client.close()

        async with working(connection.queue, router, concurrency=5):
            await seen.until(60)
            server.kill()
            await anyio.to_thread.run_sync(server.start)
            await seen.until(200)

    assert set(seen.passed) == set(range(200))


async def test_while_the_server_is_away_that_is_said_and_nothing_is_busy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, "-js") as server:
        connection = connection_of(server.url, subject="e.>", group="g", stream="E", declare=True)
        router = Router()
        seen = Seen(router)

        async with working(connection.queue, router):
            server.kill()
            await until(lambda: "is lost" in caplog.text)
            await anyio.to_thread.run_sync(server.start)
            client = await nats.connect(server.url)
            await client.jetstream().publish("e.x", raw_event("counted", 1))
            await client.close()
            await seen.until(1)

    said = [record.message for record in caplog.records if "is lost" in record.message]
    assert f"the connection to the NATS server at 127.0.0.1:{server.port} is lost" in said[0]
    assert len(said) < 10


async def test_a_client_that_gave_up_is_replaced(rig: NatsRig) -> None:
    router = Router()
    seen = Seen(router)
    queue = rig.queue("g")

    async with working(queue, router):
        await rig.publish(raw_event("counted", 1))
        await seen.until(1)
        await queue._client.close()
        await rig.publish(raw_event("counted", 2))
        await seen.until(2)

    assert seen.passed == [1, 2]


# Dead letters


def a_letter(raw: bytes, **headers: str) -> DeadLetter:
    entry_headers = dict(headers)
    return DeadLetter(
        id="",
        raw=raw,
        headers=entry_headers,
        status=Status.FAILED,
        error="builtins.ValueError",
        message="no",
        attempts=3,
        received=now(),
    )


def test_headers_that_the_server_would_act_on_have_another_name() -> None:
    outgoing = fitting(a_letter(b"{}", **{"Nats-Msg-Id": "a", "x": "b"}), "S.g.1", 1_000_000)

    assert outgoing.headers["Nats-Msg-Id"] == "S.g.1"
    assert outgoing.headers["eventrouter-Nats-Msg-Id"] == "a"
    assert outgoing.headers["x"] == "b"


def test_what_tells_why_is_left_out_before_the_letter_would_be_too_large() -> None:
    letter = a_letter(b"x" * 1_000)
    whole = fitting(letter, "S.g.1", 1_000_000)

    less = fitting(letter, "S.g.1", 1_000 + size_of(whole.headers) - 1)
    none = fitting(letter, "S.g.1", 1_000)

    assert set(whole.headers) - set(less.headers) == {"eventrouter-message"}
    assert (none.headers, none.raw) == ({}, letter.raw)


async def test_an_event_as_large_as_the_server_takes_can_be_set_aside(rig: NatsRig) -> None:
    raw = b"x" * rig.client.max_payload
    queue = rig.queue("g")
    await declare(rig, "g")
    await rig.publish(raw)

    async with working(queue, Router()) as workers:
        with anyio.fail_after(30):
            await workers.emptied()

    [letter] = await rig.dead_letters("g")
    assert letter.raw == raw


async def test_an_event_stays_if_its_dead_letter_is_not_confirmed(
    rig: NatsRig, caplog: pytest.LogCaptureFixture
) -> None:
    await declare(rig, "g")
    await rig.jetstream.delete_stream(f"{rig.name.upper()}_DEAD_G")
    await rig.publish(b"{")
    queue = rig.queue("g")
    queue_without_stream = NatsQueue(queue._broker, queue._recipe)

    await queue_without_stream.open(1)
    await rig.jetstream.delete_stream(f"{rig.name.upper()}_DEAD_G")
    entry = await take_one(queue_without_stream)
    with pytest.raises(StoreError, match=r"no stream of the NATS server at .* takes this subject"):
        await queue_without_stream.set_aside(entry, a_letter(entry.raw))
    await queue_without_stream.stop()
    await queue_without_stream.close()

    info = await rig.jetstream.consumer_info(rig.stream, "g")
    assert info.num_ack_pending == 1
