"""Handlers that run so many at a time, and events of one key one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import Event, RegistrationError, Result, Retry, Router
from eventrouter.testing import FakeSleep
from eventrouter.turns import Turns
from tests.events import raw_event
from tests.test_threads import Gauge

DEADLOCK = 10  # seconds; only a guard, nothing here takes long


def key_of(event: Event[Any]) -> Any:
    return event.payload


async def process_at_once(
    router: Router, payloads: list[Any], in_order: bool = False
) -> list[Result]:
    """What becomes of the events, all in flight at the same time, and begun in that order."""
    results: list[Result] = []

    async def process(payload: Any) -> None:
        results.append(await router.process(raw_event(payload=payload)))

    with anyio.fail_after(DEADLOCK):
        async with anyio.create_task_group() as tasks:
            for payload in payloads:
                tasks.start_soon(process, payload)
                if in_order:
                    await anyio.wait_all_tasks_blocked()
    return results


def in_threads(work: Callable[[], object], count: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work) for _ in range(count)]:
            done.result(DEADLOCK)


# concurrency=


@pytest.mark.anyio
async def test_so_many_calls_of_an_async_handler_run_at_a_time() -> None:
    router, gauge = Router(), Gauge()
    is_full = anyio.Event()

    @router.on("order.paid", concurrency=2)
    async def handle(payload: Any) -> None:
        with gauge:
            if gauge.inside == 2:
                is_full.set()
            await is_full.wait()
            await anyio.lowlevel.checkpoint()

    results = await process_at_once(router, list(range(7)))

    assert [result.ok for result in results] == [True] * 7
    assert gauge.highest == 2


@pytest.mark.anyio
async def test_so_many_calls_of_a_sync_handler_run_at_a_time() -> None:
    router, gauge = Router(), Gauge()
    both = threading.Barrier(2, timeout=DEADLOCK)

    @router.on("order.paid", concurrency=2)
    def handle(payload: Any) -> None:
        with gauge:
            both.wait()

    await process_at_once(router, list(range(6)))

    assert gauge.highest == 2


def test_it_counts_those_of_all_threads_and_event_loops() -> None:
    router, gauge = Router(), Gauge()

    @router.on("order.paid", concurrency=1)
    def handle(payload: Any) -> None:
        with gauge:
            pass

    @router.on("order.sent", concurrency=1)
    async def handle_in_loop(payload: Any) -> None:
        with gauge:
            await anyio.lowlevel.checkpoint()

    for event_type in ("order.paid", "order.sent"):

        def process(raw: bytes = raw_event(event_type)) -> None:
            for _ in range(20):
                assert router.process_sync(raw).ok

        in_threads(process, 4)
    assert gauge.highest == 1


@pytest.mark.anyio
async def test_a_wait_between_attempts_takes_no_one_s_turn() -> None:
    order: list[Any] = []

    async def sleep(seconds: float) -> None:
        order.append("waits")
        await other.wait()

    other = anyio.Event()
    router = Router(sleep=sleep)

    @router.on("order.paid", concurrency=1, retry=Retry(2, on=OSError))
    async def handle(payload: Any) -> None:
        order.append(payload)
        if order == ["first"]:
            raise OSError
        other.set()

    await process_at_once(router, ["first", "second"], in_order=True)

    assert order == ["first", "waits", "second", "first"]


@pytest.mark.anyio
async def test_a_deadline_begins_with_the_call_and_not_with_the_wait_for_it() -> None:
    router = Router()
    first = anyio.Event()

    @router.on("order.paid", concurrency=1, timeout=0.05)
    async def handle(payload: Any) -> None:
        if payload == "first":
            first.set()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.1)

    results = await process_at_once(router, ["first", "second"], in_order=True)

    assert [result.ok for result in results] == [True, True]


# ordered_by=


@pytest.mark.anyio
async def test_events_of_one_key_are_handled_one_after_the_other_as_they_come() -> None:
    router, gauge = Router(ordered_by=lambda event: event.payload[0]), Gauge()
    handled: list[Any] = []

    @router.on("order.paid")
    async def handle(payload: Any) -> None:
        with gauge:
            await anyio.lowlevel.checkpoint()
            handled.append(payload)

    await process_at_once(router, [["a", number] for number in range(3)], in_order=True)

    assert handled == [["a", number] for number in range(3)]
    assert gauge.highest == 1


@pytest.mark.anyio
async def test_a_stuck_event_does_not_hold_up_those_of_other_keys() -> None:
    router = Router()
    handled: list[Any] = []
    others = anyio.Event()

    @router.on("order.paid", ordered_by=lambda event: event.payload[0])
    async def handle(payload: Any) -> None:
        if payload == ["a", 1]:
            await others.wait()
        handled.append(payload)
        if payload == ["c", 1]:
            others.set()

    await process_at_once(router, [["a", 1], ["a", 2], ["b", 1], ["c", 1]], in_order=True)

    assert handled == [["b", 1], ["c", 1], ["a", 1], ["a", 2]]


@pytest.mark.anyio
async def test_the_next_event_of_a_key_waits_for_the_retries_of_the_one_before() -> None:
    router = Router(sleep=FakeSleep())
    handled: list[Any] = []

    @router.on("order.paid", ordered_by=lambda event: "a", retry=Retry(3, on=OSError))
    async def handle(payload: Any) -> None:
        handled.append(payload)
        if handled.count(1) < 3:
            raise OSError

    await process_at_once(router, [1, 2], in_order=True)

    assert handled == [1, 1, 1, 2]


@pytest.mark.anyio
async def test_one_who_is_cancelled_while_waiting_is_passed_over() -> None:
    router = Router()
    handled: list[Any] = []
    go_on, scope = anyio.Event(), anyio.CancelScope()

    @router.on("order.paid", ordered_by=lambda event: "a")
    async def handle(payload: Any) -> None:
        handled.append(payload)
        await go_on.wait()

    async def process(payload: Any) -> None:
        await router.process(raw_event(payload=payload))

    async def process_and_be_cancelled() -> None:
        with scope:
            await process("cancelled")

    with anyio.fail_after(DEADLOCK):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(process, 1)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(process_and_be_cancelled)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(process, 2)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.wait_all_tasks_blocked()
            go_on.set()

    assert handled == [1, 2]


def test_they_have_their_order_in_threads_too() -> None:
    router, gauge = Router(ordered_by=lambda event: "a"), Gauge()

    @router.on("order.paid")
    def handle(payload: Any) -> None:
        with gauge:
            pass

    in_threads(lambda: router.dispatch_sync(raw_event()), 8)

    assert gauge.highest == 1


@pytest.mark.parametrize("key", [lambda event: event.payload["no"], lambda event: []])
@pytest.mark.anyio
async def test_an_event_without_a_key_is_not_handled(key: Any) -> None:
    router = Router()
    ran: list[str] = []

    @router.on("order.paid", ordered_by=key)
    async def handle(payload: Any) -> None:
        ran.append("ordered")

    @router.on("order.paid", ordered_by=None)
    async def handle_too(payload: Any) -> None:
        ran.append("not ordered")

    result = await router.process(raw_event())

    assert isinstance(result.error, (KeyError, TypeError))
    assert "ordered_by= of" in result.error.__notes__[0]
    assert [handler.attempts for handler in result.handlers] == [0, 1]
    assert ran == ["not ordered"]


@pytest.mark.anyio
async def test_a_handler_keeps_its_turns_when_others_are_registered() -> None:
    """Routes are made anew then."""
    router, gauge = Router(), Gauge()

    @router.on("order.paid", concurrency=1)
    async def handle(payload: Any) -> None:
        with gauge:
            if payload == 1:
                router.on_any(observe)
            await anyio.lowlevel.checkpoint()

    await process_at_once(router, [1, 2])

    assert gauge.highest == 1


async def observe(event: Event[Any]) -> None: ...


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"concurrency": 0}, "concurrency=0"),
        ({"concurrency": "2"}, "concurrency='2'"),
        ({"concurrency": True}, "concurrency=True"),
        ({"ordered_by": "user"}, "ordered_by='user'"),
        ({"ordered_by": lambda: "a"}, "a sync function of the event"),
        ({"ordered_by": observe}, "a sync function of the event"),
    ],
    ids=["none", "text", "yes", "name", "of nothing", "async"],
)
def test_settings_that_can_t_work_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(RegistrationError, match=text):
        Router().on("order.paid", **settings)


def test_a_policy_says_so() -> None:
    router = Router()
    router.on("order.paid", concurrency=3, ordered_by=key_of)(observe)

    assert str(router.routes()[0].policy) == "3 at a time; ordered by tests.test_turns.key_of"


# Turns


@given(
    most=st.integers(1, 3),
    steps=st.lists(st.tuples(st.sampled_from(["take", "give", "cancel"]), st.integers(0, 2))),
)
def test_turns_are_given_as_in_a_line_of_people(most: int, steps: list[tuple[str, int]]) -> None:
    turns = Turns(most)
    running: dict[int, int] = {}  # key -> how many
    waiting: dict[int, list[tuple[anyio.CancelScope, list[bool]]]] = {}

    async def wait(key: int, scope: anyio.CancelScope, came: list[bool]) -> None:
        with scope:
            await turns.take(key, True)
            came.append(True)

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            for step, key in steps:
                line = waiting.setdefault(key, [])
                if step == "take":
                    line.append((anyio.CancelScope(), []))
                    tasks.start_soon(wait, key, *line[-1])
                elif step == "give" and running.get(key):
                    running[key] -= 1
                    turns.give(key)
                elif step == "cancel" and line:
                    line.pop()[0].cancel()
                while line and running.get(key, 0) < most:
                    await anyio.wait_all_tasks_blocked()
                    assert line.pop(0)[1] == [True]
                    running[key] = running.get(key, 0) + 1
                await anyio.wait_all_tasks_blocked()
                assert not any(came for _, came in line)
            for line in waiting.values():
                for scope, _ in line:
                    scope.cancel()
        for key, count in running.items():
            for _ in range(count):
                turns.give(key)

    anyio.run(play, backend="trio")

    assert turns._lines == {}


def test_one_whose_event_loop_was_closed_while_he_waited_is_passed_over() -> None:
    turns = Turns(1)
    anyio.run(turns.take, "a", True)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # that a task of it is left
    waiting = loop.create_task(turns.take("a", True))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    turns.give("a")

    anyio.run(turns.take, "a", True)
    turns.give("a")
    assert turns._lines == {}
    waiting.get_coro().close()
