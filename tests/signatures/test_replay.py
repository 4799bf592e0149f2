"""One of several equal deliveries is processed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eventrouter import RegistrationError, Status
from eventrouter.contexts import driven
from eventrouter.signatures import Claim, GitHub, Guard, ReplayGuard
from tests.signatures.schemes import RAW, SECRET

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that goes on when told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def seen(guard: Guard, *keys: str) -> None:
    """Claim and complete each."""
    for key in keys:
        claim = await guard.claim(key)
        assert claim.refused is None
        await guard.complete(claim)


async def test_the_first_delivery_is_let_through() -> None:
    assert (await ReplayGuard().claim("a")).refused is None


async def test_a_second_one_meanwhile_is_in_progress() -> None:
    guard = ReplayGuard()
    await guard.claim("a")

    assert (await guard.claim("a")).refused is Status.IN_PROGRESS


async def test_a_second_one_after_the_first_was_handled_is_a_duplicate() -> None:
    guard = ReplayGuard()
    await seen(guard, "a")

    assert (await guard.claim("a")).refused is Status.DUPLICATE


async def test_another_attempt_after_the_first_failed_is_let_through() -> None:
    guard = ReplayGuard()
    await guard.release(await guard.claim("a"))

    assert (await guard.claim("a")).refused is None


async def test_a_refused_claim_changes_nothing() -> None:
    """So that whoever was refused may say how it ended like everyone else."""
    guard = ReplayGuard()
    await guard.claim("a")
    refused = await guard.claim("a")

    await guard.complete(refused)
    await guard.release(refused)

    assert (await guard.claim("a")).refused is Status.IN_PROGRESS


async def test_a_completed_delivery_can_not_be_released() -> None:
    guard = ReplayGuard()
    claim = await guard.claim("a")
    await guard.complete(claim)

    await guard.release(claim)

    assert (await guard.claim("a")).refused is Status.DUPLICATE


async def test_it_knows_a_replay_with_an_id_made_up() -> None:
    github, guard = GitHub(SECRET), ReplayGuard()
    headers = github.sign(RAW)
    await seen(guard, github.verify(RAW, {**headers, "X-GitHub-Delivery": "1"}))

    replayed = await guard.claim(github.verify(RAW, {**headers, "X-GitHub-Delivery": "2"}))

    assert replayed.refused is Status.DUPLICATE


# Time


async def test_what_was_completed_is_remembered_so_long(clock: Clock) -> None:
    guard = ReplayGuard(seconds=10, clock=clock)
    await seen(guard, "a")

    clock.seconds += 10
    assert (await guard.claim("a")).refused is Status.DUPLICATE
    clock.seconds += 0.1
    assert (await guard.claim("a")).refused is None


async def test_the_time_counts_from_when_it_was_completed(clock: Clock) -> None:
    guard = ReplayGuard(seconds=10, clock=clock)
    claim = await guard.claim("a")
    clock.seconds += 9
    await guard.complete(claim)
    clock.seconds += 9

    assert (await guard.claim("a")).refused is Status.DUPLICATE


async def test_a_claim_that_nobody_ended_is_forgotten_in_time(clock: Clock) -> None:
    guard = ReplayGuard(seconds=10, clock=clock)
    await guard.claim("a")
    clock.seconds += 10.1

    assert (await guard.claim("a")).refused is None


async def test_a_forgotten_claim_does_not_release_that_of_another(clock: Clock) -> None:
    guard = ReplayGuard(seconds=10, clock=clock)
    late = await guard.claim("a")
    clock.seconds += 10.1
    await guard.claim("a")

    await guard.release(late)

    assert (await guard.claim("a")).refused is Status.IN_PROGRESS


async def test_what_a_forgotten_claim_completed_stays_so_if_another_fails(clock: Clock) -> None:
    guard = ReplayGuard(seconds=10, clock=clock)
    late = await guard.claim("a")
    clock.seconds += 10.1
    other = await guard.claim("a")

    await guard.complete(late)
    await guard.release(other)

    assert (await guard.claim("a")).refused is Status.DUPLICATE


# The bound


async def test_past_the_bound_what_was_completed_first_is_forgotten() -> None:
    guard = ReplayGuard(most=3)
    running = await guard.claim("running")
    await seen(guard, "a", "b")

    await seen(guard, "c")

    assert (await guard.claim("c")).refused is Status.DUPLICATE
    assert (await guard.claim("b")).refused is Status.DUPLICATE
    assert (await guard.claim("running")).refused is Status.IN_PROGRESS
    assert (await guard.claim("a")).refused is None
    await guard.release(running)


async def test_where_all_are_in_progress_the_one_claimed_first_is_forgotten() -> None:
    guard = ReplayGuard(most=2)
    for key in ("a", "b", "c"):
        await guard.claim(key)

    assert (await guard.claim("b")).refused is Status.IN_PROGRESS
    assert (await guard.claim("a")).refused is None


async def test_a_duplicate_does_not_make_it_forget() -> None:
    guard = ReplayGuard(most=1)
    await seen(guard, "a")

    for _ in range(3):
        assert (await guard.claim("a")).refused is Status.DUPLICATE


class Deliveries(RuleBasedStateMachine):
    """Any order of claims, ends and time, beside a guard that forgets nothing early."""

    keys = st.sampled_from("abcd")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.guard = ReplayGuard(seconds=10, clock=self.clock)
        self.running: dict[str, tuple[Claim, float]] = {}
        self.completed: dict[str, float] = {}

    @rule(key=keys)
    def claim(self, key: str) -> None:
        claim = driven(self.guard.claim(key))
        if key in self.completed:
            assert claim.refused is Status.DUPLICATE
        elif key in self.running:
            assert claim.refused is Status.IN_PROGRESS
        else:
            assert claim.refused is None
            self.running[key] = claim, self.clock()

    @rule(key=keys)
    def complete(self, key: str) -> None:
        if key in self.running:
            driven(self.guard.complete(self.running.pop(key)[0]))
            self.completed[key] = self.clock()

    @rule(key=keys)
    def release(self, key: str) -> None:
        if key in self.running:
            driven(self.guard.release(self.running.pop(key)[0]))

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds: int) -> None:
        self.clock.seconds += seconds

    @invariant()
    def forget(self) -> None:
        before = self.clock() - 10
        self.running = {k: v for k, v in self.running.items() if v[1] >= before}
        self.completed = {k: v for k, v in self.completed.items() if v >= before}


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=50)


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_of_many_threads_one_gets_the_claim() -> None:
    guard = ReplayGuard()

    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda i: driven(guard.claim(f"{i % 50}")), range(2_000)))

    granted = [claim.key for claim in claims if claim.refused is None]
    assert sorted(granted) == sorted(f"{i}" for i in range(50))


# Settings


@pytest.mark.parametrize(
    "settings",
    [
        {"seconds": 0},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": "600"},
        {"seconds": True},
        {"most": 0},
        {"most": 1.5},
        {"most": True},
    ],
    ids=repr,
)
async def test_a_setting_that_can_not_work_is_refused_when_made(settings: dict[str, Any]) -> None:
    with pytest.raises(RegistrationError, match="="):
        ReplayGuard(**settings)
