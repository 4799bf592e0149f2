"""What every ``OutboxStore`` must do, as tests."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import anyio

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.event import Event
from eventrouter.result import Status
from eventrouter.stores.outgoing import OutboxStore, Outgoing, OutgoingCounts
from eventrouter.testing.clock import FakeClock
from eventrouter.testing.letters import NOON
from eventrouter.testing.refusals import refused_with


class OutboxStoreContract:
    """
    Tests for a store with an outbox: subclass it, say how to open it, and let pytest collect it.

    Its tests are async functions without fixtures, for the plugin of your choice. That the store
    keeps keys is tested by ``IdempotencyStoreContract``.
    """

    def open_store(self, clock: FakeClock) -> AbstractAsyncContextManager[OutboxStore]:
        """
        Open an empty store that goes by that clock, and close it again.

        Args:
            clock: Gives the seconds since 1970.
        """
        raise NotImplementedError

    async def test_what_a_completed_key_gave_is_taken_as_it_was(self) -> None:
        event = Event(
            "order.\ud800", None, NOON + timedelta(microseconds=7), {"id": "e-1", "a": "Zoë \ud800"}
        )
        outgoing = Outgoing(event, b"\x00\xff", {"X-Id": "1", "x": "\0"}, "key")
        async with self.open_store(FakeClock()) as store:
            completed = await store.complete(await store.claim("a", 10), 60, [outgoing])

            [taken] = await store.take_outgoing(limit=10, lease=10)

            assert completed
            assert (taken.event.type, taken.event.payload) == (event.type, None)
            assert taken.event.timestamp == event.timestamp
            assert dict(taken.event.metadata) == event.metadata
            assert (taken.raw, dict(taken.headers)) == (outgoing.raw, outgoing.headers)
            assert (taken.key, taken.failed) == ("key", 0)
            assert taken.id

    async def test_a_megabyte_is_kept(self) -> None:
        raw = bytes(range(256)) * 4_096
        async with self.open_store(FakeClock()) as store:
            outgoing = Outgoing(Event("a", None), raw, {}, "key")
            await store.complete(await store.claim("a", 10), 60, [outgoing])

            [taken] = await store.take_outgoing(limit=1, lease=10)

            assert taken.raw == raw

    async def test_the_key_is_completed_too(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, "1")

            assert (await store.claim("1", 10)).refused is Status.DUPLICATE

    async def test_completing_twice_puts_it_there_once(self) -> None:
        async with self.open_store(FakeClock()) as store:
            claim = await store.claim("a", 10)

            assert await store.complete(claim, 60, [_outgoing("1")])
            assert await store.complete(claim, 60, [_outgoing("1")])

            assert len(await store.take_outgoing(limit=10, lease=10)) == 1

    async def test_who_lost_the_key_puts_nothing_there(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            late = await store.claim("a", 10)
            clock.advance(10)
            await store.claim("a", 10)

            assert not await store.complete(late, 60, [_outgoing("1")])

            assert await store.count_outgoing() == OutgoingCounts(0, 0, 0, 0)

    async def test_a_key_that_gave_nothing_puts_nothing_there(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await store.complete(await store.claim("a", 10), 60)
            await store.complete(await store.claim("b", 10), 60, [])

            assert await store.take_outgoing(limit=10, lease=10) == []

    async def test_events_of_one_key_are_taken_in_the_order_they_were_put(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, "a1", "b1", "a2", "a3", "b2")

            taken = _types(await store.take_outgoing(limit=10, lease=10))

            assert [type for type in taken if type[0] == "a"] == ["a1", "a2", "a3"]
            assert [type for type in taken if type[0] == "b"] == ["b1", "b2"]

    async def test_no_more_are_taken_than_the_limit(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, "a1", "a2", "b1", "b2", "c1")

            taken = await store.take_outgoing(limit=3, lease=10)

            assert len(taken) == 3

    async def test_nothing_of_a_key_is_taken_while_another_has_something_of_it(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, "a1", "a2")
            [first] = await store.take_outgoing(limit=1, lease=10)
            await _put(store, "a3", "b1")

            assert _types(await store.take_outgoing(limit=10, lease=10)) == ["b1"]
            await store.sent([first.id])
            assert _types(await store.take_outgoing(limit=10, lease=10)) == ["a2", "a3"]

    async def test_what_is_sent_is_gone_and_the_rest_is_still_had(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, "a1", "a2", "a3")
            taken = await store.take_outgoing(limit=10, lease=10)

            assert await store.sent([taken[0].id, taken[1].id]) == 2
            assert await store.sent([taken[0].id]) == 0

            assert await store.take_outgoing(limit=10, lease=10) == []
            assert await store.count_outgoing() == OutgoingCounts(0, 0, 1, 0)

    async def test_it_can_be_taken_again_once_the_lease_has_run_out(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, "a1", "a2")
            await store.take_outgoing(limit=10, lease=10)

            clock.advance(9)
            assert await store.take_outgoing(limit=10, lease=10) == []
            clock.advance(1)
            assert _types(await store.take_outgoing(limit=10, lease=10)) == ["a1", "a2"]

    async def test_what_is_given_back_can_be_taken_at_once(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, "a1", "a2")
            taken = await store.take_outgoing(limit=10, lease=10)

            assert await store.give_back_outgoing(taken) == 2

            again = await store.take_outgoing(limit=10, lease=10)
            assert [(each.event.type, each.failed) for each in again] == [("a1", 0), ("a2", 0)]

    async def test_one_that_failed_waits_and_holds_up_those_of_its_key_alone(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, "a1", "a2", "b1")
            a1, a2, b1 = await store.take_outgoing(limit=10, lease=100)

            await store.give_back_outgoing([a1], 5, charge=True)
            await store.give_back_outgoing([a2, b1])

            assert _types(await store.take_outgoing(limit=10, lease=100)) == ["b1"]
            clock.advance(5)
            again = await store.take_outgoing(limit=10, lease=100)
            assert [(each.event.type, each.failed) for each in again] == [("a1", 1), ("a2", 0)]

    async def test_who_lost_it_to_another_can_not_give_it_back(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, "a1")
            late = await store.take_outgoing(limit=10, lease=10)
            clock.advance(10)
            taken = await store.take_outgoing(limit=10, lease=10)

            assert await store.give_back_outgoing(late, charge=True) == 0
            assert await store.take_outgoing(limit=10, lease=10) == []
            assert await store.give_back_outgoing(taken) == 1
            assert await store.give_back_outgoing(taken) == 0

    async def test_who_lost_it_to_another_and_sent_it_all_the_same_says_so(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, "a1", "a2")
            late = await store.take_outgoing(limit=1, lease=10)
            clock.advance(10)
            await store.take_outgoing(limit=10, lease=10)

            assert await store.sent([each.id for each in late]) == 1

            clock.advance(10)
            assert _types(await store.take_outgoing(limit=10, lease=10)) == ["a2"]

    async def test_an_id_is_not_given_twice(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, "a1")
            [first] = await store.take_outgoing(limit=1, lease=10)
            await store.sent([first.id])
            await _put(store, "a2")

            [second] = await store.take_outgoing(limit=1, lease=10)

            assert first.id != second.id

    async def test_events_are_counted_by_what_they_wait_for(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            assert await store.count_outgoing() == OutgoingCounts(0, 0, 0, 0)
            await _put(store, "a1", "a2", "b1", "c1")
            assert await store.count_outgoing() == OutgoingCounts(3, 1, 0, 0)
            taken = await store.take_outgoing(limit=2, lease=10)
            assert await store.count_outgoing() == OutgoingCounts(1, 1, 2, 0)
            await store.give_back_outgoing(taken[:1], 20, charge=True)
            assert await store.count_outgoing() == OutgoingCounts(1, 2, 1, 1)
            clock.advance(10)
            assert await store.count_outgoing() == OutgoingCounts(2, 2, 0, 1)

    async def test_of_many_that_take_at_once_each_gets_others(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, *(f"{key}{number}" for key in "abcdefgh" for number in (1, 2)))
            taken = list[str]()

            async def take() -> None:
                taken.extend(_types(await store.take_outgoing(limit=2, lease=10)))

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(take)

            assert len(taken) == len(set(taken))
            assert {type for type in taken if type[1] == "1"} == {f"{key}1" for key in "abcdefgh"}

    async def test_what_can_not_be_asked_for_is_refused(self) -> None:
        async with self.open_store(FakeClock()) as store:
            claim = await store.claim("a", 10)
            for call in (
                lambda: store.take_outgoing(limit=0, lease=10),
                lambda: store.take_outgoing(limit=1, lease=0),
                lambda: store.give_back_outgoing([], -1),
                lambda: store.give_back_outgoing([], float("nan")),
                lambda: store.complete(claim, 0, []),
            ):
                with refused_with(RegistrationError):
                    await call()
            with refused_with(StoreError):
                await store.complete(claim, 60, [Outgoing(Event("a", None), b"", {}, "x" * 513)])
            assert await store.sent(["none", "-1", ""]) == 0


def _outgoing(type: str) -> Outgoing:
    """An event of that type, whose key is the first letter of it."""
    return Outgoing(Event(type, None, NOON, {"id": type}), b"{}", {}, type[0])


async def _put(store: OutboxStore, *types: str) -> None:
    for type in types:
        await store.complete(await store.claim(type, 10), 60, [_outgoing(type)])


def _types(outgoing: list[Outgoing]) -> list[str]:
    return [each.event.type for each in outgoing]
