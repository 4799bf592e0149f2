"""The events of a partition: in order, one at a time, committed once they are settled."""

from __future__ import annotations

from collections import defaultdict

import anyio
import pytest
from aiokafka import TopicPartition

from eventrouter import Router
from eventrouter.integrations.faststream.kafka.queue import KafkaEvents
from eventrouter.stores.entries import Entry
from tests.brokers.kafka.rig import KafkaRig
from tests.brokers.scenarios import Seen, process_all, until, working
from tests.events import raw_event

pytestmark = pytest.mark.anyio


async def test_a_partition_keeps_its_order_while_an_event_is_tried_again(rig: KafkaRig) -> None:
    router = Router()
    seen = Seen(router, lambda number: number % 7 == 0 and seen.calls[number] == 1)
    for number in range(60):
        await rig.publish(raw_event("counted", number), partition=number % 3)

    await process_all(rig.queue("g"), router)

    passed = defaultdict[int, list[int]](list)
    for number in seen.passed:
        passed[number % 3].append(number)
    assert passed == {at: list(range(at, 60, 3)) for at in range(3)}
    assert seen.most_at_once <= 3


async def test_a_dead_letter_tells_where_the_event_was(rig: KafkaRig) -> None:
    router = Router()
    Seen(router, lambda _: True)
    await rig.publish(raw_event("counted", 1), {"x-tenant": "acme"}, partition=2)

    await process_all(rig.queue("g"), router, attempts=2)

    [letter] = await rig.dead_letters("g")
    assert letter.raw == raw_event("counted", 1)
    assert letter.headers["x-tenant"] == "acme"
    assert letter.headers["eventrouter-topic"] == rig.name
    assert letter.headers["eventrouter-partition"] == "2"
    assert letter.headers["eventrouter-offset"] == "0"


async def test_what_was_in_flight_is_not_committed(rig: KafkaRig) -> None:
    stuck, router = Router(), Router()
    begun = anyio.Event()

    @stuck.on("counted")
    async def wait(number: int) -> None:
        begun.set()
        await anyio.sleep_forever()

    seen = Seen(router)
    await rig.publish(raw_event("counted", 1), partition=0)
    await rig.publish(raw_event("counted", 2), partition=0)
    async with working(rig.queue("g"), stuck, grace=0):
        with anyio.fail_after(30):
            await begun.wait()

    await process_all(rig.queue("g"), router)

    assert seen.passed == [1, 2]


async def test_what_was_in_flight_is_not_committed_by_who_lost_its_partition(
    rig: KafkaRig,
) -> None:
    seen = Seen(router := Router())
    await rig.publish(raw_event("counted", 1), partition=0)
    queue = rig.queue("g")
    assert isinstance(queue, KafkaEvents)
    await queue.open(1)
    entries = list[Entry]()
    with anyio.fail_after(30):
        while not entries:
            entries = await queue.take("w", limit=1, lease=queue.lease)

    await queue._lanes.on_partitions_revoked({TopicPartition(rig.name, 0)})

    assert not await queue.done(entries[0])
    assert not await queue.give_back(entries[0])
    await queue.stop()
    await queue.close()
    await process_all(rig.queue("g"), router)
    assert seen.passed == [1]


async def test_it_goes_on_when_kafka_was_away(
    rig: KafkaRig, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Seen(router := Router())
    await rig.publish(raw_event("counted", 0), partition=0)

    async with working(rig.queue("g"), router):
        await seen.until(1)
        rig.cluster.go_down()
        await until(lambda: "Unable connect" in caplog.text)
        rig.cluster.come_up()
        await rig.publish(raw_event("counted", 1), partition=0)
        await seen.until(2)

    assert set(seen.passed) == {0, 1}
