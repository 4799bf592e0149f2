"""FastStream's own loop calls the router, on streams of Redis."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub, TestRedisBroker

from eventrouter import RegistrationError, Router
from eventrouter.integrations.faststream import attach
from tests.brokers.redis.conftest import RedisRig
from tests.brokers.scenarios import PATIENCE, Seen
from tests.events import raw_event
from tests.services import REDIS

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def attached(
    rig: RedisRig, router: Router, *, max_workers: int = 1, **options: Any
) -> AsyncGenerator[RedisBroker]:
    broker = RedisBroker(REDIS)
    subscriber = broker.subscriber(
        stream=StreamSub(rig.stream, group="g", consumer="1", max_records=5),
        ack_policy=AckPolicy.MANUAL,
        max_workers=max_workers,
    )
    attach(router, broker, subscriber, volatile=True, attempts=3, wait=0.01, **options)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def until_settled(rig: RedisRig) -> None:
    with anyio.fail_after(PATIENCE):
        while True:
            [group] = await rig.client.xinfo_groups(rig.stream)
            if group["pending"] == 0 and group["lag"] == 0:
                return


async def test_what_was_there_before_and_what_comes_is_handled_and_acknowledged(
    rig: RedisRig,
) -> None:
    router = Router()
    seen = Seen(router)
    await rig.publish(raw_event("counted", 1))

    async with attached(rig, router) as broker:
        await broker.publish(raw_event("counted", 2), stream=rig.stream, headers={"a": "b"})
        await seen.until(2)
        await until_settled(rig)

    assert seen.passed == [1, 2]


@pytest.mark.parametrize("max_workers", [1, 4])
async def test_an_event_whose_handler_failed_comes_again(rig: RedisRig, max_workers: int) -> None:
    router = Router()
    seen = Seen(router, lambda number: seen.calls[number] == 1)

    async with attached(rig, router, max_workers=max_workers):
        for number in range(20):
            await rig.publish(raw_event("counted", number))
        await seen.until(20)
        await until_settled(rig)

    assert set(seen.calls.values()) == {2}
    assert seen.most_at_once <= max_workers
    assert await rig.dead_letters("g") == []


async def test_what_can_not_be_handled_is_set_aside(rig: RedisRig) -> None:
    router = Router()
    seen = Seen(router, lambda number: number < 0)

    async with attached(rig, router):
        await rig.publish(b"\xff")
        await rig.publish(raw_event("counted", -1), {"x-trace": "t"})
        await rig.publish(raw_event("counted", 1))
        await seen.until(1)
        await until_settled(rig)

    letters = await rig.dead_letters("g")
    assert {letter.raw for letter in letters} == {b"\xff", raw_event("counted", -1)}
    assert seen.calls[-1] == 3


async def test_what_a_killed_consumer_had_is_handled(
    rig: RedisRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventrouter.integrations.faststream.redis.queue.LEASE", 0.05)
    router = Router()
    seen = Seen(router)
    await rig.publish(raw_event("counted", 1))
    await rig.client.xgroup_create(rig.stream, "g", id="0")
    await rig.client.xreadgroup("g", "killed", {rig.stream: ">"})

    async with attached(rig, router):
        await seen.until(1)
        await until_settled(rig)

    assert seen.passed == [1]


async def test_it_goes_on_if_the_group_is_gone(rig: RedisRig) -> None:
    router = Router()
    seen = Seen(router)

    async with attached(rig, router):
        await rig.publish(raw_event("counted", 1))
        await seen.until(1)
        await rig.client.delete(rig.stream)
        await rig.publish(raw_event("counted", 2))
        await seen.until(2)

    assert seen.passed == [1, 2]


async def test_a_server_that_would_lose_events_is_refused_when_the_broker_starts(
    rig: RedisRig,
) -> None:
    broker = RedisBroker(REDIS)
    subscriber = broker.subscriber(
        stream=StreamSub(rig.stream, group="g", consumer="1"), ack_policy=AckPolicy.MANUAL
    )
    attach(Router(), broker, subscriber, volatile=True)

    with pytest.raises(RegistrationError, match="max_records=10"):
        await broker.start()
    await broker.stop()


async def test_the_broker_of_faststream_s_tests_calls_it() -> None:
    router = Router()
    seen = Seen(router, lambda number: number < 0)
    broker = RedisBroker()
    subscriber = broker.subscriber(
        stream=StreamSub("orders", group="g", consumer="1"), ack_policy=AckPolicy.MANUAL
    )
    attach(router, broker, subscriber, attempts=2)

    async with TestRedisBroker(broker) as tested:
        await tested.publish(raw_event("counted", 1), stream="orders")
        await tested.publish(raw_event("counted", -1), stream="orders")
        await tested.publish(b"\xff", stream="orders")

    assert seen.passed == [1]
    assert seen.calls[-1] == 1
