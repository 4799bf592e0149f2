"""What every ``InboxStore`` must do, as tests."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import anyio
from attrs import evolve

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.stores.entries import Entry, EntryCounts, InboxStore
from eventrouter.testing.clock import FakeClock
from eventrouter.testing.letters import NOON, letter_of
from eventrouter.testing.refusals import refused_with


class InboxStoreContract:
    """
    Tests for a store of an inbox: subclass it, say how to open it, and let pytest collect it.

    Its tests are async functions without fixtures, for the plugin of your choice. That the store
    keeps dead letters too is tested by ``DeadLetterStoreContract``.
    """

    def open_store(self, clock: FakeClock) -> AbstractAsyncContextManager[InboxStore]:
        """
        Open an empty store that goes by that clock, and close it again.

        Args:
            clock: Gives the seconds since 1970.
        """
        raise NotImplementedError

    async def test_what_is_put_is_taken_as_it_was(self) -> None:
        raw, headers = b'\x00\xff{"event_type": "a"}', {"X-Id": "1", "x-name": "Zoë \ud800\0"}
        received = NOON + timedelta(microseconds=123_457)
        async with self.open_store(FakeClock()) as store:
            id = await store.put(raw, headers, received, key="k")

            [entry] = await store.take("w", limit=10, lease=10)

            assert (entry.id, entry.raw, dict(entry.headers)) == (id, raw, headers)
            assert (entry.received, entry.key, entry.attempts) == (received, "k", 1)

    async def test_a_megabyte_is_kept(self) -> None:
        raw = bytes(range(256)) * 4_096
        async with self.open_store(FakeClock()) as store:
            await store.put(raw, {}, NOON)

            [entry] = await store.take("w", limit=1, lease=10)

            assert entry.raw == raw

    async def test_the_first_that_were_put_are_taken_first(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = await _put(store, None, None, None)

            assert _ids(await store.take("w", limit=2, lease=10)) == ids[:2]
            assert _ids(await store.take("w", limit=2, lease=10)) == ids[2:]
            assert await store.take("w", limit=2, lease=10) == []

    async def test_of_many_that_take_at_once_each_gets_others(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = await _put(store, *[None] * 40)
            taken = list[str]()

            async def take() -> None:
                taken.extend(_ids(await store.take("w", limit=5, lease=10)))

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(take)

            assert sorted(taken, key=int) == ids

    async def test_what_is_done_is_gone(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, None)
            [entry] = await store.take("w", limit=1, lease=10)

            assert await store.done(entry)

            clock.advance(100)
            assert await store.take("w", limit=1, lease=10) == []
            assert not await store.done(entry)

    async def test_it_can_be_taken_again_once_the_lease_has_run_out(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, None)
            await store.take("killed", limit=1, lease=10)

            clock.advance(9)
            assert await store.take("w", limit=1, lease=10) == []
            clock.advance(1)
            [again] = await store.take("w", limit=1, lease=10)

            assert again.attempts == 2

    async def test_who_keeps_it_has_it_for_longer(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, None)
            [entry] = await store.take("w", limit=1, lease=10)
            clock.advance(9)
            assert await store.keep(entry, 10)

            clock.advance(9)
            assert await store.take("w", limit=1, lease=10) == []
            clock.advance(1)
            assert len(await store.take("w", limit=1, lease=10)) == 1

    async def test_who_is_late_still_has_it_if_nobody_took_it(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, None)
            [entry] = await store.take("w", limit=1, lease=10)
            clock.advance(10)

            assert await store.keep(entry, 10)
            clock.advance(10)
            assert await store.done(entry)

    async def test_who_lost_it_to_another_changes_nothing(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, None)
            [late] = await store.take("late", limit=1, lease=10)
            clock.advance(10)
            [entry] = await store.take("w", limit=1, lease=10)

            assert not await store.keep(late, 100)
            assert not await store.done(late)
            assert not await store.give_back(late)
            assert await store.set_aside(late, letter_of()) is None

            assert await store.count_letters() == 0
            assert await store.count_entries() == EntryCounts(0, 0, 1)
            assert await store.done(entry)

    async def test_what_is_given_back_can_be_taken_at_once_and_cost_no_attempt(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, None)
            [entry] = await store.take("w", limit=1, lease=10)

            assert await store.give_back(entry)
            [again] = await store.take("w", limit=1, lease=10)

            assert again.attempts == 1
            assert not await store.done(entry)

    async def test_what_is_given_back_as_failed_cost_an_attempt(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, None)
            [entry] = await store.take("w", limit=1, lease=10)

            await store.give_back(entry, charge=True)
            [again] = await store.take("w", limit=1, lease=10)

            assert again.attempts == 2

    async def test_how_often_it_failed_is_told_from_how_often_it_never_ended(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await _put(store, None)
            [failed] = await store.take("w", limit=1, lease=10)
            await store.give_back(failed, charge=True)
            [never_begun] = await store.take("w", limit=1, lease=10)
            await store.give_back(never_begun)
            await store.take("killed", limit=1, lease=10)
            clock.advance(10)

            [entry] = await store.take("w", limit=1, lease=10)

            assert (failed.failed, entry.failed, entry.attempts) == (0, 1, 3)

    async def test_what_is_given_back_with_a_delay_waits_so_long(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            first, second = await _put(store, None, None)
            [entry] = await store.take("w", limit=1, lease=10)
            await store.give_back(entry, 5)

            assert _ids(await store.take("w", limit=2, lease=10)) == [second]
            clock.advance(4)
            assert await store.take("w", limit=2, lease=10) == []
            clock.advance(1)
            assert _ids(await store.take("w", limit=2, lease=10)) == [first]

    async def test_entries_of_a_key_come_one_after_the_other(self) -> None:
        async with self.open_store(FakeClock()) as store:
            a1, a2, b1, free = await _put(store, "a", "a", "b", None)
            taken = await store.take("w", limit=10, lease=10)
            assert _ids(taken) == [a1, b1, free]

            await store.done(taken[0])

            assert _ids(await store.take("w", limit=10, lease=10)) == [a2]

    async def test_an_entry_given_back_with_a_delay_holds_up_those_of_its_key(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            a1, _, b1 = await _put(store, "a", "a", "b")
            [entry] = await store.take("w", limit=1, lease=10)
            await store.give_back(entry, 5)

            assert _ids(await store.take("w", limit=10, lease=100)) == [b1]
            clock.advance(5)
            assert _ids(await store.take("w", limit=10, lease=100)) == [a1]

    async def test_an_entry_whose_worker_was_killed_still_comes_before_those_of_its_key(
        self,
    ) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            a1, _ = await _put(store, "a", "a")
            await store.take("killed", limit=10, lease=10)
            clock.advance(10)

            assert _ids(await store.take("w", limit=10, lease=10)) == [a1]

    async def test_a_key_that_was_all_processed_starts_anew(self) -> None:
        async with self.open_store(FakeClock()) as store:
            for _ in range(2):
                ids = await _put(store, "a")
                taken = await store.take("w", limit=10, lease=10)
                assert _ids(taken) == ids
                await store.done(taken[0])

    async def test_what_is_set_aside_is_a_dead_letter_and_no_entry(self) -> None:
        letter = letter_of(raw=b"poison")
        async with self.open_store(FakeClock()) as store:
            _, second = await _put(store, "a", "a")
            [entry] = await store.take("w", limit=10, lease=10)

            id = await store.set_aside(entry, letter)

            assert id is not None
            assert await store.get_letter(id) == evolve(letter, id=id)
            assert _ids(await store.take("w", limit=10, lease=10)) == [second]

    async def test_an_id_is_not_given_twice(self) -> None:
        async with self.open_store(FakeClock()) as store:
            ids = await _put(store, None)
            await store.done((await store.take("w", limit=1, lease=10))[0])

            assert await _put(store, None) != ids

    async def test_entries_are_counted_by_what_they_wait_for(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            assert await store.count_entries() == EntryCounts(0, 0, 0)
            await _put(store, "a", "a", None, None)
            assert await store.count_entries() == EntryCounts(3, 1, 0)
            taken = await store.take("w", limit=2, lease=10)
            assert await store.count_entries() == EntryCounts(1, 1, 2)
            await store.give_back(taken[1], 20)
            assert await store.count_entries() == EntryCounts(1, 2, 1)
            clock.advance(10)
            assert await store.count_entries() == EntryCounts(2, 2, 0)

    async def test_what_can_not_be_asked_for_is_refused(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await _put(store, None)
            [entry] = await store.take("w", limit=1, lease=10)
            for call in (
                lambda: store.put(b"", {}, NOON.replace(tzinfo=None)),
                lambda: store.take("w", limit=0, lease=10),
                lambda: store.take("w", limit=1, lease=0),
                lambda: store.keep(entry, -1),
                lambda: store.give_back(entry, -1),
                lambda: store.give_back(entry, float("nan")),
            ):
                with refused_with(RegistrationError):
                    await call()
            with refused_with(StoreError):
                await store.put(b"", {}, NOON, key="x" * 513)


async def _put(store: InboxStore, *keys: str | None) -> list[str]:
    return [await store.put(b"{}", {}, NOON, key=key) for key in keys]


def _ids(entries: list[Entry]) -> list[str]:
    return [entry.id for entry in entries]
