"""What is kept beside an offset: failures, and events that were begun and did not end."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import Router, StoreError
from eventrouter.integrations.faststream.kafka.lanes import ENOUGH
from eventrouter.integrations.faststream.kafka.marks import CLEAN, Mark, mark_of
from eventrouter.integrations.faststream.kafka.queue import KafkaEvents
from tests.brokers.kafka.rig import KafkaRig
from tests.brokers.scenarios import Seen, process_all, take_one, working
from tests.events import raw_event

counts = st.integers(0, 10**6)
marks = st.builds(Mark, failed=counts, unsure=counts, alone=counts)


@given(marks)
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    assert mark_of(mark.text) == mark


@given(
    st.text()
    | st.sampled_from(['{"eventrouter": 1}', '{"eventrouter": {"failed": -1}}', "[]", "[" * 1000])
)
def test_the_text_of_another_tool_is_none(text: str) -> None:
    assert mark_of(text) == CLEAN


@given(marks)
def test_what_is_unsure_counts_twice_at_most(mark: Mark) -> None:
    assert mark.attempts <= mark.failed + mark.alone + 2
    assert mark.once_begun.attempts <= mark.attempts + 1
    assert mark.once_suspected.attempts == mark.attempts + 1


async def opened(rig: KafkaRig) -> KafkaEvents:
    queue = rig.queue("g")
    assert isinstance(queue, KafkaEvents)
    await queue.open(1)
    return queue


async def die(queue: KafkaEvents) -> None:
    """End as a process does that is killed: without a word."""
    for task in queue._tasks:
        task.cancel()
    queue._lanes.lose()
    await queue.close()


async def attempts_of(rig: KafkaRig, deaths: int, *, is_alone: bool) -> list[int]:
    """What is told of an event each time before its process ends; alone if it is a suspect."""
    attempts = list[int]()
    for _ in range(deaths):
        queue = await opened(rig)
        entry = await take_one(queue)
        attempts.append(entry.attempts)
        if is_alone and entry.attempts > 2:
            await queue.suspect(entry)
        await die(queue)
    return attempts


async def committed(rig: KafkaRig, partition: int = 0) -> tuple[int, Mark]:
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=rig.address, group_id=f"{rig.name}.g")
    at = TopicPartition(rig.name, partition)
    await consumer.start()
    try:
        found = await consumer._coordinator.fetch_committed_offsets([at])
    finally:
        await consumer.stop()
    return found[at].offset, mark_of(found[at].metadata)


@pytest.mark.anyio
async def test_failures_count_in_the_process_that_has_the_partition_next(rig: KafkaRig) -> None:
    await rig.publish(raw_event("counted", 1), partition=0)
    queue = await opened(rig)
    await queue.give_back(await take_one(queue), charge=True)
    await queue.stop()
    await queue.close()

    queue = await opened(rig)
    entry = await take_one(queue)
    await queue.done(entry)
    await queue.stop()
    await queue.close()

    assert (entry.attempts, entry.failed) == (2, 1)


@pytest.mark.anyio
async def test_a_process_that_stops_in_order_leaves_nothing_to_blame(rig: KafkaRig) -> None:
    await rig.publish(raw_event("counted", 1), partition=0)
    router = Router()
    begun = anyio.Event()

    @router.on("counted")
    async def wait(number: int) -> None:
        begun.set()
        await anyio.sleep_forever()

    async with working(rig.queue("g"), router, grace=0):
        with anyio.fail_after(30):
            await begun.wait()

    assert await committed(rig) == (0, CLEAN)


@pytest.mark.anyio
async def test_what_never_ended_counts_once_more_each_time(rig: KafkaRig) -> None:
    await rig.publish(raw_event("counted", 1), partition=0)

    assert await attempts_of(rig, 4, is_alone=True) == [1, 2, 3, 4]


@pytest.mark.anyio
async def test_what_was_begun_beside_others_is_not_blamed_more_than_twice(rig: KafkaRig) -> None:
    await rig.publish(raw_event("counted", 1), partition=0)

    assert await attempts_of(rig, 5, is_alone=False) == [1, 2, 3, 3, 3]


@pytest.mark.anyio
async def test_after_a_death_each_event_is_told_of_before_it_is_begun(rig: KafkaRig) -> None:
    for number in range(3):
        await rig.publish(raw_event("counted", number), partition=0)
    queue = await opened(rig)
    await take_one(queue)
    await die(queue)

    queue = await opened(rig)
    for expected in range(3):
        entry = await take_one(queue)
        assert await committed(rig) == (expected, Mark(unsure=2))
        await queue.done(entry)
    await queue.stop()
    await queue.close()


@pytest.mark.anyio
async def test_after_a_while_without_a_death_events_are_begun_without_a_word(rig: KafkaRig) -> None:
    for number in range(ENOUGH + 1):
        await rig.publish(raw_event("counted", number), partition=0)
    queue = await opened(rig)
    await take_one(queue)
    await die(queue)
    seen = Seen(router := Router())

    await process_all(rig.queue("g"), router)

    assert seen.passed == list(range(ENOUGH + 1))
    assert await committed(rig) == (ENOUGH + 1, CLEAN)


@pytest.mark.anyio
async def test_what_is_another_process_s_by_now_can_not_be_suspected(rig: KafkaRig) -> None:
    await rig.publish(raw_event("counted", 1), partition=0)
    queue = await opened(rig)
    entry = await take_one(queue)

    queue._lanes.lose()

    with pytest.raises(StoreError, match="another process has the partition"):
        await queue.suspect(entry)
    await queue.close()
