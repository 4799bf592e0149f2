"""Consuming from a real RabbitMQ: what is acknowledged, tried again and set aside."""

from __future__ import annotations

from collections import Counter

import anyio
import pytest
from attrs import frozen
from faststream.rabbit import QueueType

from eventrouter import Event, Router, Unrecoverable
from eventrouter.integrations.faststream import consume
from eventrouter.integrations.faststream.queues import queue_of
from tests.brokers.rabbit.group import Group, headers_of

pytestmark = pytest.mark.anyio


@frozen
class Paid:
    number: int


def paid(number: int) -> bytes:
    return b'{"event_type": "order.paid", "payload": {"number": %d}}' % number


class Till:
    """A router that counts what its handler gets, and may be told to fail."""

    def __init__(self) -> None:
        self.router = Router()
        self.seen = Counter[int]()
        self.failures = dict[int, Exception]()
        self.router.on("order.paid")(self.count)

    async def count(self, order: Paid) -> None:
        self.seen[order.number] += 1
        if order.number in self.failures:
            raise self.failures[order.number]

    async def saw(self, count: int) -> None:
        with anyio.fail_after(30):
            while self.seen.total() < count:  # noqa: ASYNC110 - the handler has nothing to ring
                await anyio.sleep(0.01)


async def test_each_event_is_handled_and_acknowledged(group: Group) -> None:
    till = Till()
    async with group.consuming(till.router) as workers:
        await group.publish(*(paid(number) for number in range(100)))
        with anyio.fail_after(30):
            await workers.emptied()
    assert till.seen == Counter(range(100))
    assert await group.count() == 0


async def test_a_failed_event_is_tried_again_after_its_wait(group: Group) -> None:
    till = Till()
    till.failures[1] = OSError("not now")
    async with (
        group.consuming(till.router, wait=0.05, attempts=5) as workers,
    ):
        await group.publish(paid(1), paid(2))
        await till.saw(3)
        del till.failures[1]
        with anyio.fail_after(30):
            await workers.emptied()
    assert till.seen[2] == 1
    assert workers.set_aside == 0


async def test_past_its_attempts_an_event_is_set_aside_as_it_came(group: Group) -> None:
    till = Till()
    till.failures[1] = OSError("never")
    async with group.broker() as broker:
        subscriber = group.subscriber(broker)
        async with consume(till.router, broker, subscriber, wait=0.01, attempts=3) as workers:
            await group.publish(
                paid(1),
                headers={"n": 1, "tags": ["a", {"b": bytearray(b"\xff")}]},
                message_id="one",
                content_type="application/json",
                user_id="guest",
            )
            [letter] = await group.read_dead_letters(1)
            with anyio.fail_after(30):
                await workers.emptied()
    properties, headers = letter.header.properties, headers_of(letter)
    assert letter.body == paid(1)
    assert till.seen[1] == 3
    assert (headers["n"], headers["tags"]) == (1, ["a", {"b": bytearray(b"\xff")}])
    assert (properties.message_id, properties.content_type) == ("one", "application/json")
    assert properties.delivery_mode == 2
    assert headers["eventrouter-error"] == "builtins.OSError"
    assert headers["eventrouter-attempts"] == "3"
    assert headers["eventrouter-exchange"] == group.exchange
    assert headers["eventrouter-routing-key"] == "order.paid"
    assert headers["eventrouter-user-id"] == "guest"
    assert not [name for name in headers if name.startswith("x-")]


async def test_what_no_router_can_handle_is_set_aside_and_the_rest_is_not(group: Group) -> None:
    bad = [b"no json", b'{"event_type": "order.lost"}', paid(1).replace(b"1", b'"one"')]
    till = Till()
    async with group.consuming(till.router) as workers:
        await group.publish(paid(1), bad[0], paid(2), bad[1], paid(3), bad[2], paid(4))
        letters = await group.read_dead_letters(3)
        with anyio.fail_after(30):
            await workers.emptied()
    assert {letter.body for letter in letters} == set(bad)
    assert {headers_of(letter)["eventrouter-status"] for letter in letters} == {
        "malformed",
        "unrouted",
        "invalid",
    }
    assert till.seen == Counter([1, 2, 3, 4])


async def test_an_event_that_can_never_succeed_is_not_tried_again(group: Group) -> None:
    till = Till()
    till.failures[1] = Unrecoverable("no such account")
    async with group.consuming(till.router):
        await group.publish(paid(1))
        await group.read_dead_letters(1)
    assert till.seen[1] == 1


async def test_no_more_are_unacknowledged_than_there_are_workers(group: Group) -> None:
    router = Router()
    started, go_on = anyio.Semaphore(0), anyio.Event()

    @router.on("order.paid")
    async def wait(order: Paid) -> None:
        started.release()
        await go_on.wait()

    async with group.consuming(router, concurrency=5) as workers:
        await group.publish(*(paid(number) for number in range(20)))
        with anyio.fail_after(30):
            for _ in range(5):
                await started.acquire()
        assert await group.count() == 15  # RabbitMQ has not even pushed them
        go_on.set()
        with anyio.fail_after(30):
            await workers.emptied()


async def test_what_is_cut_off_is_given_back_at_no_cost(group: Group) -> None:
    router = Router()
    started = anyio.Event()

    @router.on("order.paid")
    async def wait(order: Paid) -> None:
        started.set()
        await anyio.sleep_forever()

    async with group.broker() as broker:
        subscriber = group.subscriber(broker)
        for _ in range(6):  # more often than an event may fail, or end its process
            started = anyio.Event()
            async with consume(router, broker, subscriber, attempts=2, grace=0) as workers:
                if _ == 0:
                    await group.publish(paid(1))
                with anyio.fail_after(30):
                    await started.wait()
            assert workers.cut_off == 1
    [message] = await group.read(group.name, 1)
    assert message.body == paid(1)


async def test_what_was_received_and_not_taken_goes_back_at_no_cost(group: Group) -> None:
    async with group.broker() as broker:
        queue = queue_of(broker, group.subscriber(broker), dead_letters=None)
        await queue.open(5)
        await group.publish(*(paid(number) for number in range(5)))
        await group.emptied()
        await queue.stop()
        await queue.close()
    messages = await group.read(group.name, 5)
    assert {message.body for message in messages} == {paid(number) for number in range(5)}
    assert all("x-delivery-count" not in headers_of(message) for message in messages)


async def test_an_event_that_was_only_pushed_when_processes_died_is_not_set_aside(
    group: Group,
) -> None:
    till = Till()
    async with group.consuming(till.router):
        pass  # so that the queue is there
    await group.publish(paid(1))
    for _ in range(7):
        async with group.channel() as channel:  # which takes it, and is closed as by a kill
            await channel.basic_get(group.name)
    async with group.consuming(till.router, attempts=3) as workers:
        with anyio.fail_after(30):
            await workers.emptied()
    assert till.seen == Counter([1])
    assert workers.set_aside == 0


async def test_each_group_gets_all_and_its_members_share_them(group: Group) -> None:
    other = Group(group.url)
    other.exchange = group.exchange
    tills = [Till(), Till(), Till()]
    try:
        async with (
            group.consuming(tills[0].router) as workers,
            group.consuming(tills[1].router),
            other.consuming(tills[2].router) as other_workers,
        ):
            await group.publish(*(paid(number) for number in range(200)))
            with anyio.fail_after(30):
                await other_workers.emptied()
                await workers.emptied()
    finally:
        await other.delete()
    assert tills[2].seen == Counter(range(200))
    assert tills[0].seen + tills[1].seen == Counter(range(200))


async def test_a_classic_queue_is_consumed_from_too(group: Group) -> None:
    till = Till()
    till.failures[1] = OSError("not now")
    queue = group.queue(queue_type=QueueType.CLASSIC)
    async with group.consuming(till.router, queue, wait=0.01, attempts=2):
        await group.publish(paid(1), paid(2))
        [letter] = await group.read_dead_letters(1)
    assert letter.body == paid(1)
    assert till.seen == Counter({1: 2, 2: 1})


async def test_an_attempt_is_counted_where_the_event_waited_in_between(group: Group) -> None:
    router = Router()
    received = list[Event[Paid]]()

    @router.on("order.paid")
    async def fail(event: Event[Paid]) -> None:
        received.append(event)
        raise OSError("never")

    async with (
        group.consuming(router, wait=0.01, longest_wait=0.02, attempts=4),
    ):
        await group.publish(paid(1))
        [letter] = await group.read_dead_letters(1)
    assert headers_of(letter)["eventrouter-attempts"] == "4"
    assert len(received) == 4
