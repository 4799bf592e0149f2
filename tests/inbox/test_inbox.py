"""What is accepted is processed, or set aside."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest

from eventrouter import (
    Event,
    Inbox,
    MemoryStore,
    RegistrationError,
    Result,
    Retry,
    RetryAfter,
    Router,
    SqliteStore,
    Status,
    Unrecoverable,
)
from eventrouter.scope import CallNext
from eventrouter.stores import Entry, EntryCounts, HandlerOutcome, InboxStore
from eventrouter.testing import FailTimes
from tests.events import PAID, Paid, raw_event
from tests.inbox.conftest import Gate, only_letter, process_all

pytestmark = pytest.mark.anyio

EMPTY = EntryCounts(ready=0, waiting=0, taken=0)


# Accepting


async def test_an_accepted_event_waits_in_the_store(inbox: Inbox) -> None:
    await inbox.accept(raw_event())

    assert await inbox.count() == EntryCounts(ready=1, waiting=0, taken=0)


async def test_it_is_accepted_as_it_arrived(inbox: Inbox, store: InboxStore) -> None:
    id = await inbox.accept(b"\xff{ ", {"X-Id": "7"}, key="k")

    [entry] = await store.take("w", limit=1, lease=1)

    assert (entry.id, entry.raw, dict(entry.headers), entry.key) == (
        id,
        b"\xff{ ",
        {"X-Id": "7"},
        "k",
    )
    assert entry.received.utcoffset() is not None


async def test_a_mapping_is_accepted_as_json(inbox: Inbox, store: InboxStore) -> None:
    await inbox.accept({"event_type": "order.paid"})

    [entry] = await store.take("w", limit=1, lease=1)

    assert json.loads(entry.raw) == {"event_type": "order.paid"}


# Processing


async def test_what_was_accepted_before_is_processed(inbox: Inbox, router: Router) -> None:
    seen: list[Paid] = []

    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        seen.append(paid)

    await inbox.accept(raw_event())
    await process_all(inbox, router)

    assert seen == [PAID]
    assert await inbox.count() == EMPTY


async def test_what_is_accepted_meanwhile_is_processed_at_once(
    inbox: Inbox, router: Router
) -> None:
    gate = Gate(router)

    async with inbox.workers(router):
        await anyio.wait_all_tasks_blocked()
        await inbox.accept(raw_event("counted", 1))
        await gate.until_begun(1)
        gate.open()

    assert gate.passed == [1]


async def test_what_another_inbox_accepts_is_found_by_looking(
    store: InboxStore, router: Router
) -> None:
    gate = Gate(router)

    async with Inbox(store, poll=0.01).workers(router):
        await anyio.wait_all_tasks_blocked()
        await Inbox(store).accept(raw_event("counted", 1))
        await gate.until_begun(1)
        gate.open()

    assert gate.passed == [1]


async def test_what_is_accepted_in_another_thread_is_processed_at_once(
    inbox: Inbox, router: Router
) -> None:
    gate = Gate(router)

    async with inbox.workers(router):
        await anyio.wait_all_tasks_blocked()
        await anyio.to_thread.run_sync(
            lambda: anyio.run(inbox.accept, raw_event("counted", 1))  # in a loop of its own
        )
        await gate.until_begun(1)
        gate.open()

    assert gate.passed == [1]


async def test_headers_reach_the_handlers_envelope(inbox: Inbox) -> None:
    from eventrouter import Header, MappedEnvelope

    router = Router(envelope=MappedEnvelope(type=Header("X-Event"), payload="$"))
    gate = Gate(router)
    gate.open()

    await inbox.accept(b"7", {"X-Event": "counted"})
    await process_all(inbox, router)

    assert gate.passed == [7]


async def test_no_more_are_processed_at_the_same_time_than_there_are_workers(
    inbox: Inbox, router: Router
) -> None:
    gate = Gate(router)
    for number in range(7):
        await inbox.accept(raw_event("counted", number))

    async with inbox.workers(router, count=3) as workers:
        await gate.until_begun(3)
        await anyio.wait_all_tasks_blocked()
        assert (workers.in_flight, sorted(gate.begun)) == (3, [0, 1, 2])
        gate.open()
        await workers.emptied()

    assert sorted(gate.passed) == [0, 1, 2, 3, 4, 5, 6]
    assert gate.most_at_once == 3


async def test_events_of_a_key_are_processed_one_after_the_other(
    inbox: Inbox, router: Router
) -> None:
    slow, fast = Gate(router, "slow"), Gate(router, "fast")
    fast.open()
    await inbox.accept(raw_event("slow", 1), key="a")
    await inbox.accept(raw_event("fast", 2), key="a")
    await inbox.accept(raw_event("fast", 3), key="b")

    async with inbox.workers(router) as workers:
        await slow.until_begun(1)
        await fast.until_begun(1)
        await anyio.wait_all_tasks_blocked()
        assert fast.passed == [3]
        slow.open()
        await workers.emptied()

    assert fast.passed == [3, 2]


# What became of it


async def test_what_is_ignored_by_choice_is_done(inbox: Inbox, store: InboxStore) -> None:
    await inbox.accept(raw_event())
    await process_all(inbox, Router(unrouted="ignore"))

    assert await store.count_letters() == 0


async def test_a_duplicate_is_done(inbox: Inbox, store: InboxStore, router: Router) -> None:
    @router.middleware
    async def refuse(event: Event[Any], call_next: CallNext) -> Result:
        return Result(Status.DUPLICATE, event)

    await inbox.accept(raw_event())
    await process_all(inbox, router)

    assert await store.count_letters() == 0


async def test_what_is_no_event_is_set_aside_as_it_arrived(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    await inbox.accept(b"\xff{ ", {"X-Id": "7"})
    await process_all(inbox, router)

    letter = await only_letter(store)
    assert (letter.raw, dict(letter.headers)) == (b"\xff{ ", {"X-Id": "7"})
    assert (letter.status, letter.type, letter.attempts) == (Status.MALFORMED, None, 1)
    assert letter.error == "eventrouter.errors.MalformedEvent"


async def test_what_has_no_route_is_set_aside(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    await inbox.accept(raw_event(version="v1", id="e-1"))
    await process_all(inbox, router)

    letter = await only_letter(store)
    assert letter.status is Status.UNROUTED
    assert (letter.type, letter.version, letter.event_id) == ("order.paid", "v1", "e-1")
    assert letter.message == 'no route for the event type "order.paid"'


async def test_what_is_invalid_is_set_aside_without_values_of_the_payload(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    router.add_route("order.paid", _settle)

    await inbox.accept(raw_event(payload={"order": "o-1", "cents": "4111 1111"}))
    await process_all(inbox, router)

    letter = await only_letter(store)
    assert letter.message == "$.cents: expected integer"
    assert "4111" not in letter.message + letter.traceback


async def _settle(paid: Paid) -> None: ...


async def test_what_fails_is_tried_again_until_it_succeeds(
    store: InboxStore, router: Router
) -> None:
    calls: list[Paid] = []

    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        calls.append(paid)
        if len(calls) < 3:
            raise ConnectionError("the bank is away")

    inbox = Inbox(MemoryStore(), wait=0.001, poll=0.001)
    await inbox.accept(raw_event())
    await process_all(inbox, router)

    assert calls == [PAID, PAID, PAID]
    assert await inbox.store.count_letters() == 0


async def test_what_fails_each_time_is_set_aside_after_so_many_attempts(
    tmp_path: Path, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[Paid] = []

    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        calls.append(paid)
        raise ConnectionError("the bank is away")

    store = SqliteStore(tmp_path / "events.db")
    inbox = Inbox(store, attempts=3, wait=0.001, poll=0.001)
    raw = raw_event()
    await inbox.accept(raw)
    await process_all(inbox, router)

    letter = await only_letter(store)
    assert (len(calls), letter.attempts, letter.raw) == (3, 3, raw)
    assert (letter.error, letter.message) == ("builtins.ConnectionError", "the bank is away")
    assert "in settle" in letter.traceback
    [outcome] = letter.handlers
    assert outcome == HandlerOutcome(outcome.handler, 1, "builtins.ConnectionError")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "ERROR"]


class Hasty(MemoryStore):
    """A store that waits for nothing, and notes how long it should have."""

    waits: ClassVar[list[float]]

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        self.waits.append(delay)
        return await super().give_back(entry, charge=charge)


async def test_it_waits_longer_before_each_attempt(router: Router) -> None:
    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        raise ConnectionError

    Hasty.waits = []
    inbox = Inbox(Hasty(), wait=10, longest_wait=25)
    await inbox.accept(raw_event())
    await process_all(inbox, router)

    assert [int(wait // 10) for wait in Hasty.waits] == [1, 2, 2, 2]
    assert all(25 <= wait < 28 for wait in Hasty.waits[2:])


async def test_it_waits_as_long_as_the_handler_asks_for(router: Router) -> None:
    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        raise RetryAfter(60)

    Hasty.waits = []
    inbox = Inbox(Hasty(), attempts=2, wait=1_000)
    await inbox.accept(raw_event())
    await process_all(inbox, router)

    [wait] = Hasty.waits
    assert 60 <= wait < 70


async def test_what_is_unrecoverable_is_set_aside_at_once(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        raise Unrecoverable("the account is closed")

    await inbox.accept(raw_event())
    await process_all(inbox, router)

    letter = await only_letter(store)
    assert (letter.error, letter.attempts) == ("eventrouter.errors.Unrecoverable", 1)


async def test_what_the_router_tries_again_is_one_attempt_here(
    store: InboxStore, router: Router
) -> None:
    retry = Retry(3, on=ConnectionError, wait=0)
    router.on("order.paid", retry=retry)(FailTimes(100, ConnectionError))

    inbox = Inbox(store, attempts=1)
    await inbox.accept(raw_event())
    await process_all(inbox, router)

    letter = await only_letter(store)
    assert (letter.attempts, [outcome.attempts for outcome in letter.handlers]) == (1, [3])


async def test_a_handler_that_succeeded_is_told_apart_in_the_dead_letter(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    @router.on("order.paid")
    async def audit(paid: Paid) -> None: ...

    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        raise ConnectionError

    inbox = Inbox(store, attempts=1)
    await inbox.accept(raw_event())
    await process_all(inbox, router)

    errors = [outcome.error for outcome in (await only_letter(store)).handlers]
    assert errors == [None, "builtins.ConnectionError"]


async def test_what_is_in_progress_elsewhere_costs_no_attempt(router: Router) -> None:
    answers = [Status.IN_PROGRESS] * 3 + [Status.HANDLED]

    @router.middleware
    async def answer(event: Event[Any], call_next: CallNext) -> Result:
        return Result(answers.pop(0), event)

    inbox = Inbox(MemoryStore(), attempts=1, wait=0.001, poll=0.001)
    await inbox.accept(raw_event())
    async with inbox.workers(router) as workers:
        await workers.emptied()

    assert workers.results == {Status.IN_PROGRESS: 3, Status.HANDLED: 1}
    assert workers.set_aside == 0


async def test_an_error_that_can_not_be_shown_is_set_aside_all_the_same(
    store: InboxStore, router: Router
) -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise KeyError

    @router.on("order.paid")
    async def settle(paid: Paid) -> None:
        raise Broken

    inbox = Inbox(store, attempts=1)
    await inbox.accept(raw_event())
    logging.getLogger("eventrouter.inbox").disabled = True  # which could not show it either
    try:
        await process_all(inbox, router)
    finally:
        logging.getLogger("eventrouter.inbox").disabled = False

    assert (await only_letter(store)).message == "(its __str__ raised KeyError)"


# Settings


@pytest.mark.parametrize(
    "settings",
    [
        {"attempts": 0},
        {"attempts": 1.5},
        {"deaths": 0},
        {"deaths": 1},
        {"wait": 0},
        {"longest_wait": "1"},
        {"lease": -1},
        {"poll": float("nan")},
    ],
    ids=str,
)
async def test_a_setting_that_can_not_work_is_refused(settings: Any) -> None:
    with pytest.raises(RegistrationError, match=f"{next(iter(settings))}="):
        Inbox(MemoryStore(), **settings)


async def test_what_is_no_store_is_refused() -> None:
    nothing: Any = "events.db"

    with pytest.raises(RegistrationError, match="is no InboxStore"):
        Inbox(nothing)


@pytest.mark.parametrize(
    "settings", [{"count": 0}, {"grace": -1}, {"grace": float("nan")}], ids=str
)
async def test_workers_that_can_not_work_are_refused(router: Router, settings: Any) -> None:
    with pytest.raises(RegistrationError, match=f"{next(iter(settings))}="):
        async with Inbox(MemoryStore()).workers(router, **settings):
            raise AssertionError


async def test_a_router_that_can_not_work_is_refused(router: Router) -> None:
    @router.on("order.paid")
    async def settle(paid: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037

    with pytest.raises(RegistrationError):
        async with Inbox(MemoryStore()).workers(router):
            raise AssertionError


async def test_what_the_router_set_aside_itself_is_set_aside_once(
    inbox: Inbox, store: InboxStore
) -> None:
    router = Router(dead_letters=store)
    await inbox.accept(raw_event("order.lost"))

    async with inbox.workers(router) as workers:
        await workers.emptied()

    assert (await only_letter(store)).status is Status.UNROUTED
    assert workers.set_aside == 0
