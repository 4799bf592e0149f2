"""The contract suites find what is wrong with a store."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from eventrouter import DeadLetter, MemoryStore
from eventrouter.stores import Claim, Entry, Outgoing
from eventrouter.testing import (
    DeadLetterStoreContract,
    FakeClock,
    IdempotencyStoreContract,
    InboxStoreContract,
    OutboxStoreContract,
)
from eventrouter.testing.refusals import refused_with

pytestmark = pytest.mark.anyio

CONTRACTS = [
    IdempotencyStoreContract,
    DeadLetterStoreContract,
    InboxStoreContract,
    OutboxStoreContract,
]


class MarksBeforeDoing(MemoryStore):
    async def claim(self, key: str, lease: float) -> Claim:
        claim = await super().claim(key, lease)
        await super().complete(claim, lease)
        return claim


class CompletesWhatItLost(MemoryStore):
    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        await super().complete(claim, ttl)
        return True


class ForgetsHeaders(MemoryStore):
    async def get_letter(self, id: str) -> DeadLetter | None:
        letter = await super().get_letter(id)
        return letter and DeadLetter(
            raw=letter.raw, received=letter.received, status=letter.status, error="", message=""
        )


class TakesWhatIsTaken(MemoryStore):
    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        return await super().take(worker, limit=limit, lease=1e-9)


class PutsThemThereApart(MemoryStore):
    """Beside the completion of the key, not with it."""

    async def complete(self, claim: Claim, ttl: float, outgoing: Sequence[Outgoing] = ()) -> bool:
        completed = await super().complete(claim, ttl)
        await super().complete(await super().claim(f"{claim.key}+", 10), ttl, outgoing)
        return completed


class ForgetsTheOrder(MemoryStore):
    async def take_outgoing(self, *, limit: int, lease: float) -> list[Outgoing]:
        return (await super().take_outgoing(limit=limit, lease=lease))[::-1]


async def failures(contract: Any, make: Callable[..., MemoryStore]) -> list[str]:
    """The names of the contract's tests that the store fails."""

    class Tests(contract):  # type: ignore[misc]
        @asynccontextmanager
        async def open_store(self, clock: FakeClock) -> AsyncIterator[MemoryStore]:
            yield make(clock=clock)

    failed = list[str]()
    for name, test in inspect.getmembers(Tests(), inspect.ismethod):
        if name.startswith("test_"):
            try:
                await test()
            except AssertionError:
                failed.append(name)
    return failed


@pytest.mark.parametrize(
    ("contract", "store", "found"),
    [
        (IdempotencyStoreContract, MarksBeforeDoing, "test_a_released_key_is_free_at_once"),
        (
            IdempotencyStoreContract,
            CompletesWhatItLost,
            "test_who_lost_the_key_to_another_changes_nothing",
        ),
        (DeadLetterStoreContract, ForgetsHeaders, "test_a_letter_is_found_as_it_was_added"),
        (OutboxStoreContract, PutsThemThereApart, "test_who_lost_the_key_puts_nothing_there"),
        (
            OutboxStoreContract,
            ForgetsTheOrder,
            "test_events_of_one_key_are_taken_in_the_order_they_were_put",
        ),
    ],
)
async def test_a_store_that_is_wrong_fails(contract: Any, store: Any, found: str) -> None:
    assert found in await failures(contract, store)


async def test_a_store_that_gives_leases_too_short_fails() -> None:
    """As one does that counts them in milliseconds."""
    clock_of_entries = "test_it_can_be_taken_again_once_the_lease_has_run_out"

    assert clock_of_entries in await failures(InboxStoreContract, TakesWhatIsTaken)


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_store_that_is_right_passes(contract: Any) -> None:
    assert await failures(contract, MemoryStore) == []


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_how_to_open_the_store_must_be_said(contract: Any) -> None:
    with pytest.raises(NotImplementedError):
        contract().open_store(FakeClock())


async def test_what_is_not_refused_is_said() -> None:
    with pytest.raises(AssertionError, match="nothing raised ValueError"):  # noqa: SIM117
        with refused_with(ValueError):
            pass


async def test_a_fake_clock_goes_on_when_told_to() -> None:
    clock = FakeClock(1_000)

    clock.advance(0.5)

    assert clock() == 1_000.5
    assert clock.now() == datetime.fromtimestamp(1_000.5, UTC)
