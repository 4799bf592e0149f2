"""A stream of Redis as a queue: what the server keeps of each entry, and what comes back when."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio
import pytest

from eventrouter import RegistrationError, StoreError
from eventrouter.integrations.faststream.queues import connection_of
from eventrouter.integrations.faststream.redis import RedisQueue, taking
from eventrouter.integrations.faststream.redis.server import Server
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.testing.letters import letter_of
from tests.brokers.redis.conftest import RedisRig
from tests.events import raw_event

pytestmark = pytest.mark.anyio

RAW = raw_event("counted", 1)


async def take(queue: RedisQueue, limit: int = 10) -> list[Entry]:
    return await queue.take("w", limit=limit, lease=queue.lease)


async def take_until(queue: RedisQueue, count: int = 1) -> list[Entry]:
    """Take until there were that many; each call waits for a moment itself."""
    entries = list[Entry]()
    with anyio.fail_after(30):
        while len(entries) < count:
            entries += await take(queue, count - len(entries))
    return entries


# What is given back


async def test_what_is_given_back_at_once_cost_nothing(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        for _ in range(5):
            [entry] = await take_until(queue)
            assert (entry.attempts, entry.failed) == (1, 0)
            assert await queue.give_back(entry)
        [entry] = await take_until(queue)
        assert await queue.done(entry)


async def test_how_often_it_failed_is_told_from_how_often_it_never_ended(rig: RedisRig) -> None:
    async with rig.opened(lease=0.05) as queue, rig.opened(lease=0.05) as killed:
        await rig.publish(RAW)
        [failed] = await take_until(killed)
        await killed.give_back(failed, charge=True)
        await take_until(killed)

        [entry] = await take_until(queue)

        assert (entry.attempts, entry.failed) == (3, 1)
        await queue.done(entry)


async def test_what_waits_for_its_time_is_not_taken_before(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        [entry] = await take_until(queue)

        await queue.give_back(entry, 3_600, charge=True)

        assert await take(queue) == []
        assert await queue.count_entries() == EntryCounts(0, 1, 0)


async def test_what_waits_is_not_taken_for_abandoned_however_long_it_waits(rig: RedisRig) -> None:
    async with rig.opened(lease=0.01) as queue, rig.opened(lease=0.01) as other:
        await rig.publish(RAW)
        [entry] = await take_until(queue)
        await queue.give_back(entry, 3_600)

        assert await take(other) == await take(queue) == []


async def test_what_is_due_comes_before_what_is_new(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        [first] = await take_until(queue)
        await queue.give_back(first)
        await rig.publish(RAW)

        [again, new] = await take_until(queue, 2)

        assert (again.id, again.attempts) == (first.id, 1)
        assert new.id != first.id


async def test_if_it_is_deleted_when_they_are_due_they_are_due_now(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        [entry] = await take_until(queue)
        await queue.give_back(entry, 3_600, charge=True)
        await rig.client.delete(f"{rig.stream}:g:due")

        [again] = await take_until(queue)

        assert (again.id, again.attempts, again.failed) == (entry.id, 2, 1)


# What is left by who was killed


async def test_what_is_not_kept_is_taken_by_another_once_the_lease_is_over(rig: RedisRig) -> None:
    async with rig.opened(lease=0.05) as killed, rig.opened(lease=0.05) as queue:
        await rig.publish(RAW)
        [left] = await take_until(killed)

        [entry] = await take_until(queue)

        assert (entry.id, entry.attempts, entry.failed) == (left.id, 2, 0)
        assert await queue.done(entry)


async def test_keeping_it_begins_the_lease_anew_and_counts_nothing(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        [entry] = await take_until(queue)
        group = (rig.stream, "g", "-", "+", 1)
        [before] = await rig.client.xpending_range(*group)

        assert await queue.keep(entry, 30)

        [after] = await rig.client.xpending_range(*group)
        assert after["time_since_delivered"] <= before["time_since_delivered"] + 30
        assert after["times_delivered"] == before["times_delivered"] == 1


async def test_who_lost_it_to_another_changes_nothing(rig: RedisRig) -> None:
    async with rig.opened(lease=0.05) as late, rig.opened(lease=0.05) as queue:
        await rig.publish(RAW)
        [lost] = await take_until(late)
        [entry] = await take_until(queue)

        assert not await late.keep(lost, 30)
        assert not await late.done(lost)
        assert not await late.give_back(lost)
        assert await late.set_aside(lost, letter_of()) is None

        assert await rig.dead_letters("g") == []
        assert await queue.count_entries() == EntryCounts(0, 0, 1)
        assert await queue.done(entry)


async def test_what_was_on_its_way_when_the_connection_broke_comes_again_at_no_cost(
    rig: RedisRig,
) -> None:
    async with rig.opened() as queue:
        await take(queue)
        await rig.publish(RAW)
        # As the server sees it when the answer to a read gets lost.
        await rig.client.xreadgroup("g", queue._consumer, {rig.stream: ">"})

        [entry] = await take_until(queue)

        assert (entry.raw, entry.attempts) == (RAW, 1)
        assert await queue.done(entry)


async def test_a_consumer_who_closes_is_forgotten(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        await queue.done(*await take_until(queue))
        assert len(await rig.client.xinfo_consumers(rig.stream, "g")) == 1

    assert await rig.client.xinfo_consumers(rig.stream, "g") == []


async def test_a_consumer_who_was_killed_is_forgotten_once_it_has_nothing(
    rig: RedisRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "_FORGOTTEN", -1)
    async with rig.opened(lease=0.05) as queue:
        await rig.publish(RAW)
        await rig.client.xreadgroup("g", "killed", {rig.stream: ">"})
        await rig.client.xgroup_createconsumer(rig.stream, "g", "killed before")

        [entry] = await take_until(queue)
        await queue.done(entry)
        queue._look = 0.0
        await take(queue)

        consumers = await rig.client.xinfo_consumers(rig.stream, "g")
        assert [consumer["name"].decode() for consumer in consumers] == [queue._consumer]


# Settling


async def test_as_many_are_settled_in_one_message_as_there_are(
    rig: RedisRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[int]()
    run = Server.run

    async def counted(server: Server, script: str, *arguments: object) -> Any:
        calls.append(len(arguments))
        return await run(server, script, *arguments)

    async with rig.opened() as queue:
        for _ in range(50):
            await rig.publish(RAW)
        entries = await take_until(queue, 50)
        monkeypatch.setattr(Server, "run", counted)

        settled = await asyncio.gather(*[queue.done(entry) for entry in entries])

        assert all(settled)
        assert len(calls) == 1
        assert await queue.count_entries() == EntryCounts(0, 0, 0)


@pytest.mark.parametrize("method", ["done", "give_back", "set_aside"])
async def test_if_the_answer_got_lost_it_is_not_taken_for_another_s(
    rig: RedisRig, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    run = Server.run

    async def unanswered(server: Server, script: str, *arguments: object) -> Any:
        await run(server, script, *arguments)
        monkeypatch.setattr(Server, "run", run)
        raise StoreError("the connection broke")

    async with rig.opened() as queue:
        await rig.publish(RAW)
        [entry] = await take_until(queue)
        arguments = [letter_of()] if method == "set_aside" else []
        monkeypatch.setattr(Server, "run", unanswered)

        with pytest.raises(StoreError):
            await getattr(queue, method)(entry, *arguments)

        assert await getattr(queue, method)(entry, *arguments)


async def test_what_one_can_not_say_does_not_keep_the_others_from_it(rig: RedisRig) -> None:
    """Each is settled by itself, though many are in one message."""
    async with rig.opened() as queue:
        await rig.publish(RAW)
        await rig.publish(RAW)
        one, other = await take_until(queue, 2)
        await rig.client.set(f"{rig.stream}:g:dead-letters", "no stream")

        failed, done = await asyncio.gather(
            queue.set_aside(one, letter_of()), queue.done(other), return_exceptions=True
        )

        assert isinstance(failed, StoreError)
        assert "WRONGTYPE" in str(failed)
        assert done is True
        assert await queue.keep(one, 30)


# Dead letters


async def test_a_dead_letter_has_the_fields_as_they_were(rig: RedisRig) -> None:
    fields = {b"order_id": b"\xff\x00", b"cents": b"995"}
    async with rig.opened() as queue:
        id = await rig.client.xadd(rig.stream, fields)
        [entry] = await take_until(queue)

        letter = await queue.set_aside(entry, letter_of())

        [(found, kept)] = await rig.client.xrange(f"{rig.stream}:g:dead-letters")
        assert found.decode() == letter
        assert {name: kept[name] for name in fields} == fields
        assert kept[b"eventrouter-id"] == id
        assert kept[b"eventrouter-stream"].decode() == rig.stream
        assert kept[b"eventrouter-group"] == b"g"
        assert b"none of its fields is the event" in kept[b"eventrouter-message"]


async def test_a_dead_letter_that_is_tried_again_tells_only_of_the_last_time(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW, {"eventrouter-error": "of old", "eventrouter-gone": "1"})
        [entry] = await take_until(queue)

        await queue.set_aside(entry, letter_of())

        [letter] = await rig.dead_letters("g")
        assert letter.raw == RAW
        assert letter.headers["eventrouter-error"] != "of old"
        assert "eventrouter-gone" not in letter.headers


async def test_an_entry_of_very_many_fields_is_kept_whole(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.client.xadd(rig.stream, {f"field {n}": n for n in range(5_000)})
        [entry] = await take_until(queue)

        assert await queue.set_aside(entry, letter_of())

        [letter] = await rig.client.xrange(f"{rig.stream}:g:dead-letters")
        assert b"field 4999" in letter[1][b"eventrouter-fields"]


async def test_an_entry_that_was_deleted_is_set_aside_all_the_same(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        [entry] = await take_until(queue)
        await rig.client.xdel(rig.stream, entry.id)

        await queue.set_aside(entry, letter_of())

        [letter] = await rig.dead_letters("g")
        assert letter.raw == RAW


# The stream


async def test_a_group_gets_what_was_there_before_it(rig: RedisRig) -> None:
    await rig.publish(RAW)
    async with rig.opened("later") as queue:
        [entry] = await take_until(queue)

        assert entry.raw == RAW
        await queue.done(entry)


async def test_what_all_groups_have_acknowledged_is_deleted_in_time(rig: RedisRig) -> None:
    async with rig.opened("one") as one, rig.opened("other") as other:
        for _ in range(350):  # of which Redis keeps up to a hundred
            await rig.publish(RAW)
        for entry in await take_until(one, 350):
            await one.done(entry)
        one._look = one._trim = 0.0
        await take(one)
        assert await rig.client.xlen(rig.stream) == 350

        *entries, last = await take_until(other, 350)
        await asyncio.gather(*[other.done(entry) for entry in entries])
        other._look = other._trim = 0.0
        await take(other)

        assert 1 <= await rig.client.xlen(rig.stream) <= 100
        assert await other.done(last)


async def test_what_was_deleted_before_it_was_processed_is_told(
    rig: RedisRig, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig.opened(lease=0.05) as killed, rig.opened(lease=0.05) as queue:
        await rig.publish(RAW)
        await take_until(killed)
        await rig.client.xtrim(rig.stream, maxlen=0)

        with anyio.fail_after(30):
            while "1 events of the group g" not in caplog.text:
                await take(queue)

        assert await queue.count_entries() == EntryCounts(0, 0, 0)


async def test_a_group_that_is_gone_is_made_again(
    rig: RedisRig, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig.opened() as queue:
        await take(queue)
        await rig.client.delete(rig.stream)
        await rig.publish(RAW)

        [entry] = await take_until(queue)

        assert entry.raw == RAW
        assert "is gone" in caplog.text
        await queue.done(entry)


async def test_where_nothing_is_declared_what_is_missing_is_refused(rig: RedisRig) -> None:
    queue = connection_of(**{**rig.settings("g"), "declare": False}).queue
    try:
        with pytest.raises(RegistrationError, match=r"XGROUP CREATE t-\w+ g 0 MKSTREAM"):
            await queue.open(1)
        await rig.client.xadd(rig.stream, {"data": RAW})
        with pytest.raises(RegistrationError, match="--declare"):
            await queue.open(1)
    finally:
        await queue.close()
    assert await rig.client.xinfo_groups(rig.stream) == []


async def test_ids_that_tell_no_time_are_taken(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.client.xadd(rig.stream, {"data": RAW}, id=f"{2**64 - 1}-1")

        [entry] = await take_until(queue)

        assert entry.received.tzinfo is not None
        assert await queue.done(entry)


async def test_what_was_not_settled_is_taken_by_nobody_who_stopped(rig: RedisRig) -> None:
    async with rig.opened() as queue:
        await rig.publish(RAW)
        await queue.stop()

        assert await take(queue) == []


async def test_a_server_that_says_nothing_of_what_is_new_is_counted_by_hand(
    rig: RedisRig, caplog: pytest.LogCaptureFixture
) -> None:
    """As one before version 7, or one where an entry was deleted in between."""
    caplog.set_level(logging.WARNING)
    async with rig.opened() as queue:
        for _ in range(3):
            await rig.publish(RAW)
        [(id, _)] = await rig.client.xrange(rig.stream, count=1)
        await rig.client.xgroup_setid(rig.stream, "g", id)
        await rig.client.xdel(rig.stream, id)

        assert await queue.count_entries() == EntryCounts(2, 0, 0)
