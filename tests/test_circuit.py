"""Handlers that are paused when they fail over and over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventrouter.circuit
from eventrouter import (
    HandlerPaused,
    Inbox,
    InvalidPayload,
    MemoryStore,
    RegistrationError,
    Result,
    Retry,
    Router,
    Status,
    Unrecoverable,
)
from eventrouter.circuit import FIRST_PAUSE, LONGEST_PAUSE, WHILE_PROBED, Circuit
from eventrouter.integrations.http import asgi
from eventrouter.testing import FakeClock, FakeSleep
from tests.events import raw_event
from tests.http.calls import post
from tests.inbox.conftest import process_all

RAW = raw_event(payload=1, id="e-7")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(eventrouter.circuit, "monotonic", clock)
    return clock


class Bank:
    """A handler that fails while there is an error to raise."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: BaseException | None = OSError("down")

    async def charge(self, payload: Any) -> str:
        self.calls += 1
        await anyio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return "charged"


@pytest.fixture
def bank() -> Bank:
    return Bank()


def router_of(bank: Bank, pause_after: int | None = 2, **options: Any) -> Router:
    router = Router(**options)
    router.add_route("order.paid", bank.charge, pause_after=pause_after)
    return router


async def process(router: Router, times: int = 1) -> Result:
    for _ in range(times - 1):
        await router.process(RAW)
    return await router.process(RAW)


# Pausing


@pytest.mark.anyio
async def test_after_so_many_failures_in_a_row_the_handler_is_not_called(
    clock: FakeClock, bank: Bank
) -> None:
    result = await process(router_of(bank), 3)

    error = result.error
    assert bank.calls == 2
    assert isinstance(error, HandlerPaused)
    assert str(error) == (
        "tests.test_circuit.Bank.charge failed over and over and is paused, see pause_after=; "
        "deliver the event again in 30 s"
    )
    assert (result.status, result.ok, result.handlers[0].attempts) == (Status.FAILED, False, 0)
    assert (result.retryable, result.is_open, result.retry_after) == (True, True, FIRST_PAUSE)


@pytest.mark.anyio
async def test_a_success_between_failures_begins_the_count_anew(
    clock: FakeClock, bank: Bank
) -> None:
    router = router_of(bank)

    await process(router)
    bank.error = None
    await process(router)
    bank.error = OSError()
    await process(router, 2)

    assert bank.calls == 4


@pytest.mark.anyio
@pytest.mark.parametrize("error", [Unrecoverable(), InvalidPayload("order.paid", "Paid", ())])
async def test_what_is_the_event_s_fault_neither_counts_nor_begins_the_count_anew(
    clock: FakeClock, bank: Bank, error: Exception
) -> None:
    router = router_of(bank)

    await process(router)
    bank.error = error
    await process(router, 5)
    bank.error = OSError()
    await process(router, 2)

    assert bank.calls == 7


@pytest.mark.anyio
async def test_an_event_counts_once_however_often_it_is_tried(clock: FakeClock, bank: Bank) -> None:
    router = router_of(bank, retry=Retry(5, on=Exception), sleep=FakeSleep())

    await process(router, 3)

    assert bank.calls == 10


@pytest.mark.anyio
async def test_who_waits_for_a_turn_meanwhile_is_not_called(clock: FakeClock, bank: Bank) -> None:
    router, results = Router(), list[Result]()
    router.add_route("order.paid", bank.charge, concurrency=1, pause_after=1)

    async def process_one() -> None:
        results.append(await process(router))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(process_one)

    assert bank.calls == 1
    assert sorted(result.handlers[0].attempts for result in results) == [0, 0, 1]
    assert sorted(result.is_paused for result in results) == [False, True, True]


@pytest.mark.anyio
async def test_who_waits_for_a_retry_meanwhile_is_not_called_again(
    clock: FakeClock, bank: Bank
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            await process(router)

    router = router_of(bank, 1, retry=Retry(2, on=OSError, wait=1, jitter=0), sleep=sleep)

    result = await process(router)

    [handler] = result.handlers
    assert result.is_paused
    assert (handler.attempts, len(handler.earlier), bank.calls) == (1, 1, 3)


@pytest.mark.anyio
async def test_other_handlers_are_called(clock: FakeClock, bank: Bank) -> None:
    router, seen = router_of(bank), list[Any]()

    @router.on("order.paid")
    async def see(payload: Any) -> None:
        seen.append(payload)

    await process(router, 3)

    assert (bank.calls, seen) == (2, [1, 1, 1])


def test_it_holds_in_all_threads_and_event_loops(clock: FakeClock, bank: Bank) -> None:
    router = router_of(bank, 1)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: anyio.run(router.process, RAW)).result()
    result = router.process_sync(RAW)

    assert isinstance(result.error, HandlerPaused)
    assert bank.calls == 1


def test_it_holds_where_other_handlers_are_registered_meanwhile(
    clock: FakeClock, bank: Bank
) -> None:
    router = router_of(bank, 1)

    router.process_sync(RAW)
    router.add_route("order.sent", bank.charge)

    assert isinstance(router.process_sync(RAW).error, HandlerPaused)


# Probing


@pytest.mark.anyio
async def test_after_the_pause_one_event_is_let_through_and_if_it_succeeds_all_are(
    clock: FakeClock, bank: Bank
) -> None:
    router = router_of(bank)
    await process(router, 3)

    bank.error = None
    clock.advance(FIRST_PAUSE - 1)
    assert (await process(router)).retry_after == 1
    clock.advance(1)

    assert (await process(router)).ok
    assert (await process(router)).ok


@pytest.mark.anyio
async def test_while_one_is_tried_no_other_is_let_through(clock: FakeClock) -> None:
    router, results, is_up, goes_on = Router(), list[Result](), False, anyio.Event()

    @router.on("order.paid", pause_after=1)
    async def charge(payload: Any) -> None:
        if not is_up:
            raise OSError
        await goes_on.wait()

    await process(router)
    clock.advance(FIRST_PAUSE)
    is_up = True

    async def probe() -> None:
        results.append(await process(router))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(probe)
        await anyio.wait_all_tasks_blocked()
        results.append(await process(router))
        goes_on.set()

    refused, tried = results
    assert refused.retry_after == WHILE_PROBED
    assert tried.ok


@pytest.mark.anyio
async def test_if_it_fails_the_pause_begins_anew_and_is_longer(
    clock: FakeClock, bank: Bank
) -> None:
    router, pauses = router_of(bank), list[float | None]()
    await process(router, 2)

    for _ in range(7):
        refused = await process(router)
        pauses.append(refused.retry_after)
        clock.advance(refused.retry_after or 0)
        await process(router)

    assert pauses == [30, 60, 120, 240, 480, LONGEST_PAUSE, LONGEST_PAUSE]
    assert bank.calls == 2 + 7


@pytest.mark.anyio
async def test_if_it_tells_nothing_the_next_event_does(clock: FakeClock, bank: Bank) -> None:
    router = router_of(bank, 1)
    await process(router)
    clock.advance(FIRST_PAUSE)

    bank.error = Unrecoverable()
    await process(router)
    bank.error = None

    assert (await process(router)).ok


@pytest.mark.anyio
async def test_if_it_is_cancelled_the_next_event_tells(clock: FakeClock, bank: Bank) -> None:
    router = router_of(bank, 1)
    await process(router)
    clock.advance(FIRST_PAUSE)

    bank.error = None
    with anyio.CancelScope() as scope:
        scope.cancel()
        await process(router)

    assert bank.calls == 2
    assert (await process(router)).ok


# With what is around it


@pytest.mark.anyio
async def test_an_event_is_not_set_aside_while_a_handler_is_paused(
    clock: FakeClock, bank: Bank
) -> None:
    store = MemoryStore()
    router = router_of(bank, 1, dead_letters=store)

    @router.on("order.paid")
    async def refuse(payload: Any) -> None:
        raise Unrecoverable("no")

    first, second = await process(router), await process(router)

    assert (first.dead_letter is None, second.dead_letter) == (False, None)
    assert (second.retryable, second.retry_after) == (True, FIRST_PAUSE)


@pytest.mark.anyio
async def test_its_claim_is_released_so_it_runs_when_delivered_again(
    clock: FakeClock, bank: Bank
) -> None:
    router = router_of(bank, 1, idempotency=MemoryStore())

    await process(router, 2)
    bank.error = None
    clock.advance(FIRST_PAUSE)

    assert (await process(router)).status is Status.HANDLED
    assert (await process(router)).status is Status.DUPLICATE


@pytest.mark.anyio
async def test_what_was_handled_is_a_duplicate_also_while_it_is_paused(
    clock: FakeClock, bank: Bank
) -> None:
    router = router_of(bank, 1, idempotency=MemoryStore())
    bank.error = None
    await process(router)

    bank.error = OSError()
    await router.process(raw_event(id="another"))

    assert (await process(router)).status is Status.DUPLICATE


@pytest.mark.anyio
async def test_a_retry_around_it_does_not_wait_for_the_pause(clock: FakeClock, bank: Bank) -> None:
    inner, sleep = router_of(bank, 1), FakeSleep()
    outer = Router(sleep=sleep)

    @outer.on("order.paid", retry=Retry(5, on=Exception))
    async def hand_on(payload: Any) -> None:
        await inner.dispatch(RAW)

    await process(inner)
    result = await process(outer)

    assert isinstance(result.error, HandlerPaused)
    assert sleep.waits == []


@pytest.mark.anyio
async def test_over_http_it_is_503_with_how_long_to_wait(clock: FakeClock, bank: Bank) -> None:
    router = router_of(bank, 1)
    await process(router)

    reply = await post(asgi(router), RAW)

    assert (reply.status, reply.header("Retry-After")) == (503, "30")


@pytest.mark.anyio
async def test_an_inbox_gives_the_event_back_and_charges_no_attempt(
    clock: FakeClock, bank: Bank
) -> None:
    store, router = MemoryStore(clock=clock), router_of(bank, 1)
    inbox = Inbox(store, attempts=1)
    await process(router)
    await inbox.accept(RAW)

    async with inbox.workers(router) as workers:
        while not workers.results.total() or workers.in_flight:
            await anyio.lowlevel.checkpoint()

    counts = await inbox.count()
    assert (counts.ready, counts.waiting, counts.taken) == (0, 1, 0)
    assert (await store.find_letters()).letters == ()
    clock.advance(2 * FIRST_PAUSE)
    [entry] = await store.take("w", limit=1, lease=60)
    assert entry.failed == 0


@pytest.mark.anyio
async def test_an_inbox_processes_it_once_the_handler_works_again(
    clock: FakeClock, bank: Bank
) -> None:
    inbox, router = Inbox(MemoryStore(clock=clock)), router_of(bank, 1)
    await process(router)
    await inbox.accept(RAW)
    clock.advance(FIRST_PAUSE)
    bank.error = None

    await process_all(inbox, router)

    assert bank.calls == 2


# Declaring it


@pytest.mark.parametrize("pause_after", [0, -1, 1.5, "5", True])
def test_it_must_be_a_number_of_events(pause_after: Any) -> None:
    with pytest.raises(RegistrationError, match=r"pause_after=.*it is 1 or more, or None"):
        Router(pause_after=pause_after)


@pytest.mark.parametrize(("own", "calls"), [(3, 3), (None, 5)])
@pytest.mark.anyio
async def test_a_handler_s_own_goes_before_the_router_s(
    clock: FakeClock, bank: Bank, own: int | None, calls: int
) -> None:
    router = Router(pause_after=1)
    router.add_route("order.paid", bank.charge, pause_after=own)

    await process(router, 5)

    assert bank.calls == calls


@pytest.mark.anyio
async def test_the_router_s_is_for_all_its_handlers(clock: FakeClock, bank: Bank) -> None:
    router = Router(pause_after=1)
    router.add_route("order.paid", bank.charge)

    await process(router, 5)

    assert bank.calls == 1


def test_it_is_explained(bank: Bank) -> None:
    router = router_of(bank)

    assert "paused after 2 in a row" in str(router.explain(RAW))


def test_its_payload_is_not_built_straight_from_the_bytes() -> None:
    router = Router()

    @router.on("order.paid", thread=False, pause_after=1)
    def charge(payload: dict[str, int]) -> None: ...

    [route] = router.routes()

    assert router.way_of(route).why == "the handler has pause_after="


# Against a model

CIRCUIT_STEPS: st.SearchStrategy[list[tuple[str, int]]] = st.lists(
    st.tuples(st.sampled_from(["enter", "succeed", "fail", "nothing", "wait"]), st.integers(0, 5)),
    max_size=60,
)


@given(CIRCUIT_STEPS, st.integers(1, 3))
def test_a_paused_handler_has_at_most_one_event_until_one_succeeded(
    steps: list[tuple[str, int]], pause_after: int
) -> None:
    clock, circuit = FakeClock(0), Circuit("handler")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eventrouter.circuit, "monotonic", clock)
        inside: list[tuple[int, int]] = []  # what enter returned, and how many pauses there were
        pauses, in_a_row, pause = 0, 0, FIRST_PAUSE
        until: float | None = None
        for step, which in steps:
            if step == "wait":
                clock.advance(which * 15)
            elif step == "enter":
                is_probed = until is not None and any(at == pauses for _, at in inside)
                is_let_in = until is None or (clock() >= until and not is_probed)
                entered = _entered(circuit.enter)
                assert (entered is not None) is is_let_in
                if entered is not None:
                    inside.append((entered, pauses))
            elif inside:
                entered, at = inside.pop(which % len(inside))
                if step == "succeed":
                    circuit.succeeded(entered)
                    if at == pauses:
                        in_a_row, until, pause = 0, None, FIRST_PAUSE
                elif step == "nothing":
                    circuit.undecided(entered)
                else:
                    circuit.failed(entered, pause_after)
                    if at == pauses:
                        in_a_row += 1
                        if until is not None or in_a_row >= pause_after:
                            pauses, until = pauses + 1, clock() + pause
                            pause = min(pause * 2, LONGEST_PAUSE)


def _entered(enter: Callable[[], int]) -> int | None:
    try:
        return enter()
    except HandlerPaused:
        return None
