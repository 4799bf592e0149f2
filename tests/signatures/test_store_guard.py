"""A guard that remembers deliveries in a store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventrouter import MemoryStore, RegistrationError, Router, SqliteStore, Status
from eventrouter.integrations.http import asgi, wsgi
from eventrouter.signatures import GitHub, Guard, StoreGuard
from eventrouter.testing import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "file"])
def guard(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> Generator[StoreGuard]:
    if request.param == "memory":
        yield StoreGuard(MemoryStore(clock=clock), name="github")
        return
    with closing(SqliteStore(tmp_path / "events.db", clock=clock)) as store:
        yield StoreGuard(store, name="github")


async def test_one_delivery_is_let_through(guard: Guard) -> None:
    claim = await guard.claim("a")
    assert claim.refused is None
    assert (await guard.claim("a")).refused is Status.IN_PROGRESS

    await guard.complete(claim)
    await guard.release(claim)  # of what is completed, this says nothing

    assert (await guard.claim("a")).refused is Status.DUPLICATE


async def test_what_failed_may_come_again(guard: Guard) -> None:
    await guard.release(await guard.claim("a"))

    assert (await guard.claim("a")).refused is None


async def test_what_was_completed_is_remembered_so_long(
    guard: StoreGuard, clock: FakeClock
) -> None:
    await guard.complete(await guard.claim("a"))

    clock.advance(599)
    assert (await guard.claim("a")).refused is Status.DUPLICATE
    clock.advance(1)
    assert (await guard.claim("a")).refused is None


async def test_what_was_never_completed_passes_again_after_its_lease(
    guard: StoreGuard, clock: FakeClock
) -> None:
    await guard.claim("a")

    clock.advance(60)

    assert (await guard.claim("a")).refused is None


async def test_two_guards_of_one_name_know_the_same_deliveries(guard: StoreGuard) -> None:
    other = StoreGuard(guard.store, name="github")
    await guard.complete(await guard.claim("a"))

    assert (await other.claim("a")).refused is Status.DUPLICATE


async def test_a_guard_of_another_name_does_not(guard: StoreGuard) -> None:
    other = StoreGuard(guard.store, name="stripe")
    await guard.complete(await guard.claim("a"))

    assert (await other.claim("a")).refused is None


async def test_it_knows_a_delivery_by_a_key_of_any_length(guard: StoreGuard) -> None:
    await guard.claim("x" * 10_000)

    assert (await guard.claim("x" * 10_000)).refused is Status.IN_PROGRESS


@pytest.mark.parametrize("make", [asgi, wsgi])
async def test_an_endpoint_takes_it(guard: StoreGuard, make: Any) -> None:
    assert make(Router(), signature=GitHub("a secret of the tests"), replay=guard)


@pytest.mark.parametrize("settings", [{"seconds": 0}, {"lease": -1}], ids=repr)
async def test_a_setting_that_can_not_work_is_refused_when_made(settings: Any) -> None:
    with pytest.raises(RegistrationError, match="it is a number of seconds over 0"):
        StoreGuard(MemoryStore(), name="github", **settings)
