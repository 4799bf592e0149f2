"""The end of workers, leases, stores that fail, and events that end their process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from attrs import evolve

from eventrouter import Inbox, MemoryStore, Result, Router, StoreError
from eventrouter.envelope import NO_HEADERS
from eventrouter.processing import Terms
from eventrouter.stores import Entry, EntryCounts, InboxStore
from eventrouter.testing import FakeClock
from eventrouter.testing.letters import NOON
from tests.events import raw_event
from tests.inbox.conftest import NEVER, Gate, only_letter, process_all

pytestmark = pytest.mark.anyio


class Watched:
    """A store whose calls are counted, and may fail first."""

    def __init__(self, store: InboxStore, **failing: int) -> None:
        self.store = store
        self.failing = failing
        self.calls: Counter[str] = Counter()
        self._called = anyio.Event()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if not hasattr(self.store, name):
            raise AttributeError(name)

        async def call(*arguments: Any, **named: Any) -> Any:
            self.calls[name] += 1
            self._called.set()
            self._called = anyio.Event()
            if self.failing.get(name, 0) >= self.calls[name]:
                raise StoreError("the disk is full")
            return await getattr(self.store, name)(*arguments, **named)

        return call

    async def until_called(self, name: str, count: int) -> None:
        with anyio.fail_after(30):
            while self.calls[name] < count:
                await self._called.wait()


def watched(store: InboxStore, **failing: int) -> Any:
    return Watched(store, **failing)


# The end


async def test_what_is_in_flight_at_the_end_is_finished(inbox: Inbox, router: Router) -> None:
    gate = Gate(router)
    await inbox.accept(raw_event("counted", 1))

    async with anyio.create_task_group() as tasks, inbox.workers(router):
        await gate.until_begun(1)

        async def open_later() -> None:
            await anyio.wait_all_tasks_blocked()  # until the workers wait for the handler
            gate.open()

        tasks.start_soon(open_later)

    assert gate.passed == [1]
    assert await inbox.count() == EntryCounts(0, 0, 0)


async def test_nothing_is_begun_after_the_end(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    gate = Gate(router)
    for number in range(5):
        await inbox.accept(raw_event("counted", number))

    async with inbox.workers(router, count=2):
        await gate.until_begun(2)
        gate.open()

    assert len(gate.begun) == 2
    entries = await store.take("w", limit=10, lease=10)
    assert [entry.attempts for entry in entries] == [1, 1, 1]


async def test_what_is_not_finished_within_the_grace_is_given_back_at_no_cost(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    gate = Gate(router)
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router, grace=0) as workers:
        await gate.until_begun(1)

    [entry] = await store.take("w", limit=10, lease=10)
    assert (entry.attempts, entry.failed, workers.cut_off) == (1, 0, 1)


async def test_what_is_in_flight_when_cancelled_is_given_back_at_no_cost(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    gate = Gate(router)
    await inbox.accept(raw_event("counted", 1))

    with anyio.CancelScope() as scope:
        async with inbox.workers(router):
            await gate.until_begun(1)
            scope.cancel()

    [entry] = await store.take("w", limit=10, lease=10)
    assert (entry.attempts, gate.passed) == (1, [])


async def test_what_is_in_flight_when_the_body_fails_is_finished(
    inbox: Inbox, router: Router
) -> None:
    gate = Gate(router)
    await inbox.accept(raw_event("counted", 1))

    async def fail() -> None:
        async with inbox.workers(router):
            await gate.until_begun(1)
            gate.open()
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    assert gate.passed == [1]


async def test_what_is_taken_while_they_end_is_given_back(
    store: InboxStore, router: Router
) -> None:
    gate, slow = Gate(router), SlowTake(store)
    await store.put(raw_event("counted", 1), {}, NOON)

    inbox = Inbox(cast("Any", slow))
    async with anyio.create_task_group() as tasks, inbox.workers(router):
        await slow.begun.wait()

        async def go_on() -> None:
            await anyio.wait_all_tasks_blocked()  # until the workers wait for the store
            slow.go_on.set()

        tasks.start_soon(go_on)

    [entry] = await store.take("w", limit=10, lease=10)
    assert (entry.attempts, gate.begun) == (1, [])


class SlowTake(Watched):
    """A store that takes its time to give entries."""

    def __init__(self, store: InboxStore) -> None:
        super().__init__(store)
        self.begun = anyio.Event()
        self.go_on = anyio.Event()

    async def take(self, *arguments: Any, **named: Any) -> Any:
        self.begun.set()
        await self.go_on.wait()
        return await self.store.take(*arguments, **named)


async def test_the_scope_of_a_handler_is_alive_during_the_grace(
    inbox: Inbox, router: Router
) -> None:
    done: list[int] = []
    begun = anyio.Event()

    @router.on("counted")
    async def handle(number: int) -> None:
        begun.set()
        await anyio.wait_all_tasks_blocked()  # a checkpoint, which raises where it is cancelled
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 0)
        done.append(number)

    await inbox.accept(raw_event("counted", 1))
    async with inbox.workers(router):
        await begun.wait()

    assert done == [1]


async def test_workers_can_be_run_again(inbox: Inbox, router: Router) -> None:
    gate = Gate(router)
    gate.open()
    for number in (1, 2):
        await inbox.accept(raw_event("counted", number))
        await process_all(inbox, router)

    assert gate.passed == [1, 2]


async def test_what_a_handler_sets_in_context_variables_is_not_there_for_the_next_event(
    inbox: Inbox, router: Router
) -> None:
    tenant: ContextVar[int | None] = ContextVar("tenant", default=None)
    found: list[int | None] = []

    @router.on("counted")
    async def handle(number: int) -> None:
        found.append(tenant.get())
        tenant.set(number)

    for number in range(3):
        await inbox.accept(raw_event("counted", number))
    await process_all(inbox, router, count=1)

    assert found == [None, None, None]


# Leases


async def test_a_lease_is_renewed_while_the_handler_runs(store: InboxStore, router: Router) -> None:
    gate, seen = Gate(router), watched(store)
    inbox = Inbox(seen, lease=0.03, poll=NEVER)  # which the store's clock does not know of
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router):
        await seen.until_called("keep", 3)
        gate.open()

    assert gate.begun == [1]


async def test_who_lost_the_lease_says_so(
    inbox: Inbox,
    store: InboxStore,
    router: Router,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = Gate(router)
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router):
        await gate.until_begun(1)
        clock.advance(31)
        [entry] = await store.take("another", limit=1, lease=10)
        gate.open()

    assert entry.attempts == 2
    assert "was processed by another worker too" in caplog.text
    assert await inbox.count() == EntryCounts(ready=0, waiting=0, taken=1)


async def test_what_is_taken_twice_here_is_held_twice(
    inbox: Inbox, router: Router, clock: FakeClock
) -> None:
    gate = Gate(router)
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router, count=2) as workers:
        await gate.until_begun(1)
        clock.advance(31)
        await inbox.accept(raw_event("other"))  # which wakes them
        await gate.until_begun(2)
        assert workers.in_flight == 2
        gate.open()
        await workers.emptied()

    assert gate.passed == [1, 1]


# A store that fails


@pytest.mark.parametrize("method", ["take", "done"])
async def test_an_event_is_processed_once_although_the_store_fails_for_a_while(
    store: InboxStore, router: Router, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(router)
    gate.open()
    inbox = Inbox(watched(store, **{method: 2}), poll=NEVER)
    await inbox.accept(raw_event("counted", 1))

    await process_all(inbox, router)

    assert gate.passed == [1]
    told = [record.message for record in caplog.records if "the disk is full" in record.message]
    assert len(told) == 1  # not each time


async def test_workers_say_when_events_can_be_taken_again(
    store: InboxStore, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(router)
    inbox = Inbox(watched(store, take=3), poll=NEVER)
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router, count=1) as workers:
        with anyio.fail_after(30):
            while not workers.is_failing:
                await anyio.lowlevel.checkpoint()
        await gate.until_begun(1)
        assert not workers.is_failing
        gate.open()

    assert [record.message for record in caplog.records] == [
        "no events can be taken for now: the disk is full",
        "events can be taken again, after 3 failures",
    ]


async def test_a_dead_letter_is_not_lost_although_the_store_fails_for_a_while(
    store: InboxStore, router: Router
) -> None:
    inbox = Inbox(watched(store, set_aside=2), poll=NEVER)
    await inbox.accept(b"{")

    await process_all(inbox, router)

    assert (await only_letter(store)).raw == b"{"


async def test_a_failed_event_is_tried_again_although_the_store_fails_for_a_while(
    router: Router,
) -> None:
    calls: list[int] = []

    @router.on("counted")
    async def handle(number: int) -> None:
        calls.append(number)
        if len(calls) == 1:
            raise ConnectionError

    inbox = Inbox(watched(MemoryStore(), give_back=1), wait=0.001, poll=0.001)
    await inbox.accept(raw_event("counted", 1))

    await process_all(inbox, router)

    assert calls == [1, 1]


async def test_a_lease_that_could_not_be_renewed_is_renewed_next_time(
    store: InboxStore, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    gate, seen = Gate(router), watched(store, keep=1)
    inbox = Inbox(seen, lease=0.03, poll=NEVER)
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router):
        await seen.until_called("keep", 2)
        gate.open()

    assert "the lease of an event can't be renewed for now: the disk is full" in caplog.text


async def test_workers_end_although_the_store_fails_for_good(
    store: InboxStore, router: Router
) -> None:
    gate = Gate(router)
    gate.open()
    seen = watched(store, done=1_000_000)
    inbox = Inbox(seen, poll=NEVER)
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router, grace=0):
        await seen.until_called("done", 2)

    assert gate.passed == [1]
    assert await inbox.count() == EntryCounts(ready=0, waiting=0, taken=1)


async def test_workers_end_although_nothing_can_be_given_back(
    store: InboxStore, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(router)
    inbox = Inbox(watched(store, give_back=1), poll=NEVER)
    await inbox.accept(raw_event("counted", 1))

    async with inbox.workers(router, grace=0):
        await gate.until_begun(1)

    assert await inbox.count() == EntryCounts(ready=0, waiting=0, taken=1)
    assert "could not be given back" in caplog.text


async def test_an_error_of_a_store_that_is_no_store_error_is_shown_whole(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(router)
    gate.open()

    class Broken(MemoryStore):
        calls = 0

        async def done(self, entry: Any) -> bool:
            Broken.calls += 1
            if Broken.calls == 1:
                raise OSError("no route to host")
            return await super().done(entry)

    inbox = Inbox(Broken())
    await inbox.accept(raw_event("counted", 1))
    await process_all(inbox, router)

    assert gate.passed == [1]
    assert "Traceback" in caplog.text


# An error that is no handler's


async def test_an_error_of_the_router_is_an_attempt_that_failed(store: InboxStore) -> None:
    class Broken(Router):
        async def process(self, raw: Any, headers: Any = NO_HEADERS) -> Result:
            raise RuntimeError("it should not")

    inbox = Inbox(store, attempts=1)
    await inbox.accept(raw_event())
    await process_all(inbox, Broken())

    assert (await only_letter(store)).message == "it should not"


def test_no_number_of_attempts_is_too_large_to_wait_after() -> None:
    terms = Terms(attempts=9_999, deaths=2, wait=1, longest_wait=60, lease=1, poll=1)

    assert 60 <= terms.wait_after(9_998) < 70


# Events that end their process


async def killed_at(store: InboxStore, clock: FakeClock, times: int) -> None:
    """Take what there is so many times, as processes that are killed do."""
    for _ in range(times):
        assert await store.take("killed", limit=10, lease=10)
        clock.advance(10)


async def test_an_event_that_never_ended_is_set_aside_and_not_begun_again(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    gate = Gate(router)
    raw = raw_event("counted", 1, id="e-1")
    await inbox.accept(raw)
    await killed_at(store, clock, 5)

    await process_all(inbox, router)

    letter = await only_letter(store)
    assert gate.begun == []
    assert (letter.raw, letter.type, letter.event_id, letter.attempts) == (raw, "counted", "e-1", 5)
    assert letter.error == "eventrouter.errors.NeverEnded"
    assert letter.message == (
        "it was taken 5 times and never ended: the process died, or its lease ran out"
    )


async def test_it_is_begun_once_less_often(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    gate = Gate(router)
    gate.open()
    await inbox.accept(raw_event("counted", 1))
    await killed_at(store, clock, 4)

    await process_all(inbox, router)

    assert gate.passed == [1]


async def test_what_ends_the_process_when_it_is_read_is_set_aside_unread(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    await inbox.accept(raw_event("counted", 1))
    await killed_at(store, clock, 6)

    await process_all(inbox, router)

    letter = await only_letter(store)
    assert (letter.error, letter.type) == ("eventrouter.errors.NeverEnded", None)


async def test_what_is_no_event_and_never_ended_is_set_aside(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    await inbox.accept(b"{")
    await killed_at(store, clock, 5)

    await process_all(inbox, router)

    assert (await only_letter(store)).error == "eventrouter.errors.NeverEnded"


async def test_attempts_that_failed_are_not_taken_for_ends_of_the_process(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    gate = Gate(router)
    gate.open()
    await inbox.accept(raw_event("counted", 1))
    for _ in range(4):
        [entry] = await store.take("w", limit=1, lease=10)
        await store.give_back(entry, charge=True)
    await killed_at(store, clock, 1)

    await process_all(inbox, router)

    assert gate.passed == [1]


async def test_an_event_that_ended_twice_with_its_process_is_processed_alone(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    suspects, others = Gate(router, "suspect"), Gate(router, "other")
    for number in range(3):
        await inbox.accept(raw_event("suspect", number))
    await killed_at(store, clock, 2)
    await inbox.accept(raw_event("other", 7))

    async with inbox.workers(router) as workers:
        await others.until_begun(1)
        await anyio.wait_all_tasks_blocked()
        assert suspects.begun == []
        others.open()
        await suspects.until_begun(1)
        await anyio.wait_all_tasks_blocked()
        assert workers.in_flight == 1
        suspects.open()
        await workers.emptied()

    assert sorted(suspects.passed) == [0, 1, 2]
    assert suspects.most_at_once == 1


async def test_what_waits_to_be_processed_alone_is_given_back_at_the_end(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    suspects, others = Gate(router, "suspect"), Gate(router, "other")
    await inbox.accept(raw_event("suspect", 1))
    await killed_at(store, clock, 2)
    await inbox.accept(raw_event("other", 7))

    async with inbox.workers(router):
        await others.until_begun(1)
        await anyio.wait_all_tasks_blocked()
        others.open()

    [entry] = await store.take("w", limit=10, lease=10)
    assert (entry.attempts, suspects.begun) == (3, [])


async def test_what_waits_to_be_processed_alone_is_given_back_when_cancelled(
    inbox: Inbox, store: InboxStore, router: Router, clock: FakeClock
) -> None:
    others = Gate(router, "other")
    await inbox.accept(raw_event("suspect", 1))
    await killed_at(store, clock, 2)
    await inbox.accept(raw_event("other", 7))

    with anyio.CancelScope() as scope:
        async with inbox.workers(router):
            await others.until_begun(1)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()

    entries = await store.take("w", limit=10, lease=10)
    assert sorted(entry.attempts for entry in entries) == [1, 3]


# Queues that can't tell what failed from what never ended


class Counting(Watched):
    """A store that counts how often an entry was taken, as brokers do, and no more."""

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        entries = await self.store.take(worker, limit=limit, lease=lease)
        return [evolve(entry, failed=None) for entry in entries]


async def test_every_time_it_was_taken_counts_as_an_attempt_if_the_queue_can_not_tell(
    store: InboxStore, router: Router, clock: FakeClock
) -> None:
    runs = list[int]()

    @router.on("counted")
    def fail(number: int) -> None:
        runs.append(number)
        raise ConnectionError

    counting: Any = Counting(store)
    inbox = Inbox(counting, attempts=3, poll=NEVER)
    await inbox.accept(raw_event("counted", 1))
    await killed_at(store, clock, 2)

    await process_all(inbox, router)

    letter = await only_letter(store)
    assert (runs, letter.error, letter.attempts) == ([1], "builtins.ConnectionError", 3)


async def test_what_ends_the_process_at_its_last_attempt_is_not_begun_again_there(
    store: InboxStore, router: Router, clock: FakeClock
) -> None:
    gate = Gate(router)
    counting: Any = Counting(store)
    inbox = Inbox(counting, attempts=3, poll=NEVER)
    await inbox.accept(raw_event("counted", 1, id="e-1"))
    await killed_at(store, clock, 3)

    await process_all(inbox, router)

    letter = await only_letter(store)
    assert gate.begun == []
    assert (letter.error, letter.event_id) == ("eventrouter.errors.NeverEnded", "e-1")
    assert letter.attempts == 3
