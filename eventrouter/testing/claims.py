"""What every ``IdempotencyStore`` must do, as tests."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import anyio

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.result import Status
from eventrouter.stores.claims import Claim, IdempotencyStore, make_key
from eventrouter.testing.clock import FakeClock
from eventrouter.testing.refusals import refused_with


class IdempotencyStoreContract:
    """
    Tests for a store of keys: subclass it, say how to open it, and let pytest collect it.

    Its tests are async functions without fixtures, for the plugin of your choice.
    """

    def open_store(self, clock: FakeClock) -> AbstractAsyncContextManager[IdempotencyStore]:
        """
        Open an empty store that goes by that clock, and close it again.

        Args:
            clock: Gives the seconds since 1970.
        """
        raise NotImplementedError

    async def test_a_free_key_is_claimed(self) -> None:
        async with self.open_store(FakeClock()) as store:
            claim = await store.claim("a", 10)

            assert (claim.key, claim.refused) == ("a", None)

    async def test_a_claimed_key_is_in_progress_and_for_how_long_is_said(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await store.claim("a", 10)
            clock.advance(4)

            refused = await store.claim("a", 10)

            assert refused.refused is Status.IN_PROGRESS
            assert refused.seconds_left is None or abs(refused.seconds_left - 6) < 1

    async def test_other_keys_are_free_meanwhile(self) -> None:
        async with self.open_store(FakeClock()) as store:
            await store.claim("a", 10)

            assert (await store.claim("A", 10)).refused is None
            assert (await store.claim("a ", 10)).refused is None

    async def test_a_completed_key_is_a_duplicate(self) -> None:
        async with self.open_store(FakeClock()) as store:
            completed = await store.complete(await store.claim("a", 10), 60)

            assert completed
            assert (await store.claim("a", 10)).refused is Status.DUPLICATE

    async def test_a_completed_key_is_remembered_for_its_time_to_live(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await store.complete(await store.claim("a", 10), 60)

            clock.advance(59)
            assert (await store.claim("a", 10)).refused is Status.DUPLICATE
            clock.advance(1)
            assert (await store.claim("a", 10)).refused is None

    async def test_a_released_key_is_free_at_once(self) -> None:
        async with self.open_store(FakeClock()) as store:
            assert await store.release(await store.claim("a", 10))

            assert (await store.claim("a", 10)).refused is None

    async def test_a_key_is_free_once_its_lease_has_run_out(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await store.claim("a", 10)

            clock.advance(9)
            assert (await store.claim("a", 10)).refused is Status.IN_PROGRESS
            clock.advance(1)
            assert (await store.claim("a", 10)).refused is None

    async def test_a_renewed_lease_counts_from_when_it_was_renewed(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            claim = await store.claim("a", 10)
            clock.advance(9)
            assert await store.renew(claim, 10)

            clock.advance(9)
            assert (await store.claim("a", 10)).refused is Status.IN_PROGRESS
            clock.advance(1)
            assert (await store.claim("a", 10)).refused is None

    async def test_whose_lease_ran_out_can_neither_renew_nor_release(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            late = await store.claim("a", 10)
            clock.advance(10)

            assert not await store.renew(late, 10)
            assert not await store.release(late)

    async def test_whose_lease_ran_out_can_complete_if_nobody_claimed_since(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            late = await store.claim("a", 10)
            clock.advance(10)

            assert await store.complete(late, 60)

            assert (await store.claim("a", 10)).refused is Status.DUPLICATE

    async def test_who_lost_the_key_to_another_changes_nothing(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            late = await store.claim("a", 10)
            clock.advance(10)
            other = await store.claim("a", 10)

            assert not await store.renew(late, 100)
            assert not await store.complete(late, 60)
            assert not await store.release(late)

            assert (await store.claim("a", 10)).refused is Status.IN_PROGRESS
            assert await store.release(other)

    async def test_who_lost_the_key_can_not_complete_what_another_completed(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            late = await store.claim("a", 10)
            clock.advance(10)
            await store.complete(await store.claim("a", 10), 60)

            assert not await store.complete(late, 600)

            clock.advance(60)
            assert (await store.claim("a", 10)).refused is None

    async def test_what_is_completed_can_be_neither_renewed_nor_released(self) -> None:
        async with self.open_store(FakeClock()) as store:
            claim = await store.claim("a", 10)
            await store.complete(claim, 60)

            assert not await store.renew(claim, 10)
            assert not await store.release(claim)

            assert (await store.claim("a", 10)).refused is Status.DUPLICATE

    async def test_completing_twice_is_completing_once(self) -> None:
        """So that whoever does not know whether the first did it may try again."""
        async with self.open_store(FakeClock()) as store:
            claim = await store.claim("a", 10)

            assert await store.complete(claim, 60)
            assert await store.complete(claim, 60)

    async def test_a_refused_claim_changes_nothing(self) -> None:
        async with self.open_store(FakeClock()) as store:
            held = await store.claim("a", 10)
            refused = await store.claim("a", 10)

            assert not await store.renew(refused, 10)
            assert not await store.release(refused)
            assert not await store.complete(refused, 60)
            await store.release(held)
            assert not await store.complete(refused, 60)

            assert (await store.claim("a", 10)).refused is None

    async def test_of_many_at_once_one_gets_the_claim(self) -> None:
        async with self.open_store(FakeClock()) as store:
            claims = list[Claim]()

            async def claim() -> None:
                claims.append(await store.claim("a", 10))

            async with anyio.create_task_group() as tasks:
                for _ in range(50):
                    tasks.start_soon(claim)

            assert sorted(str(claim.refused) for claim in claims) == ["None", *["in_progress"] * 49]

    async def test_purging_deletes_what_is_free_and_nothing_else(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            await store.claim("lapsed", 10)
            await store.complete(await store.claim("forgotten", 10), 10)
            await store.complete(await store.claim("completed", 10), 60)
            await store.claim("held", 60)
            clock.advance(10)

            assert await store.purge_keys() <= 2  # it may have done so before
            assert await store.purge_keys() == 0

            assert (await store.claim("completed", 10)).refused is Status.DUPLICATE
            assert (await store.claim("held", 10)).refused is Status.IN_PROGRESS

    async def test_purging_deletes_no_more_than_it_was_told(self) -> None:
        clock = FakeClock()
        async with self.open_store(clock) as store:
            for number in range(5):
                await store.claim(f"{number}", 10)
            clock.advance(10)

            assert await store.purge_keys(limit=3) <= 3
            assert await store.purge_keys(limit=3) <= 2

    async def test_a_key_of_any_text_is_kept(self) -> None:
        async with self.open_store(FakeClock()) as store:
            for text in ("é" * 512, "x" * 512, "%_'\"\\", "\N{PILE OF POO}", " "):
                await store.complete(await store.claim(text, 10), 60)
                assert (await store.claim(text, 10)).refused is Status.DUPLICATE
            for text in ("y" * 100_000, "\0", "\ud800", ""):
                key = make_key(text)
                await store.complete(await store.claim(key, 10), 60)
                assert (await store.claim(key, 10)).refused is Status.DUPLICATE

    async def test_a_key_that_some_store_could_not_keep_is_refused(self) -> None:
        async with self.open_store(FakeClock()) as store:
            for key in ("", "x" * 513, "a\0", "a\ud800"):
                with refused_with(StoreError):
                    await store.claim(key, 10)

    async def test_seconds_that_are_none_are_refused(self) -> None:
        async with self.open_store(FakeClock()) as store:
            claim = await store.claim("a", 10)
            for seconds in (0, -1, float("nan"), float("inf"), True):
                with refused_with(RegistrationError):
                    await store.claim("b", seconds)
                with refused_with(RegistrationError):
                    await store.renew(claim, seconds)
                with refused_with(RegistrationError):
                    await store.complete(claim, seconds)

    async def test_a_limit_that_is_none_is_refused(self) -> None:
        async with self.open_store(FakeClock()) as store:
            for limit in (0, -1, True):
                with refused_with(RegistrationError):
                    await store.purge_keys(limit)
