"""Dispatching many events, so many at a time and no more."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from eventrouter import (
    Event,
    Headers,
    MalformedEvent,
    MappedEnvelope,
    RegistrationError,
    Result,
    Router,
    Status,
)
from eventrouter.envelopes.mapped import Header
from tests.events import raw_event

GUARD = 10  # seconds; nothing here takes long

EVERY_CONCURRENCY = pytest.mark.parametrize("concurrency", [1, 2, 5, 100])


def numbered(count: int) -> list[bytes]:
    return [raw_event("number", number) for number in range(count)]


async def async_source(events: Iterable[Any]) -> AsyncIterator[Any]:
    for event in events:
        await anyio.lowlevel.checkpoint()
        yield event


def number_of(result: Result) -> int:
    assert result.event is not None
    number: int = result.event.payload
    return number


def numbering_router() -> Router:
    router = Router()

    @router.on("number")
    async def handle(number: int) -> int:
        return number

    return router


def waiting_router(turns: dict[int, int] | None = None) -> Router:
    """A router whose handler lets other tasks run, so many times as is said for its number."""
    router = Router()

    @router.on("number")
    async def handle(number: int) -> int:
        for _ in range(1 if turns is None else turns[number]):
            await anyio.lowlevel.checkpoint()
        return number

    return router


# Results


@EVERY_CONCURRENCY
@pytest.mark.parametrize("router", [numbering_router(), waiting_router()], ids=["at once", "waits"])
@pytest.mark.anyio
async def test_every_event_has_one_result(router: Router, concurrency: int) -> None:
    results = [r async for r in router.dispatch_many(numbered(50), concurrency=concurrency)]

    assert sorted(map(number_of, results)) == list(range(50))
    assert all(result.ok for result in results)


@EVERY_CONCURRENCY
@pytest.mark.anyio
async def test_the_events_may_come_from_an_async_iterable(concurrency: int) -> None:
    events = async_source(numbered(50))

    results = [r async for r in waiting_router().dispatch_many(events, concurrency=concurrency)]

    assert sorted(map(number_of, results)) == list(range(50))


@EVERY_CONCURRENCY
@pytest.mark.anyio
async def test_an_event_may_come_with_headers(concurrency: int) -> None:
    router = Router(envelope=MappedEnvelope(type=Header("X-Type"), payload="$"))

    @router.on("number")
    async def handle(payload: dict[str, int]) -> int:
        return payload["n"]

    events: list[tuple[bytes, Headers]] = [(b'{"n": %d}' % n, {"x-type": "number"}) for n in (1, 2)]
    results = [r async for r in router.dispatch_many(events, concurrency=concurrency)]

    assert sorted(result.handlers[0].value for result in results) == [1, 2]
    assert sorted(str(result.raw) for result in results) == sorted(str(raw) for raw, _ in events)


@EVERY_CONCURRENCY
@pytest.mark.anyio
async def test_no_events_have_no_results(concurrency: int) -> None:
    assert [r async for r in Router().dispatch_many([], concurrency=concurrency)] == []


@EVERY_CONCURRENCY
@pytest.mark.anyio
async def test_events_at_fault_and_failing_handlers_are_results(concurrency: int) -> None:
    router = numbering_router()

    @router.on("failing")
    async def fail(payload: object) -> None:
        raise OSError

    events = [b"{", raw_event("lost"), raw_event("number", "one"), raw_event("failing")]
    results = [
        r
        async for r in router.dispatch_many(events, concurrency=concurrency, ordered_by=event_type)
    ]

    assert {str(result.raw): result.status for result in results} == dict(
        zip(
            map(str, events),
            (Status.MALFORMED, Status.UNROUTED, Status.INVALID, Status.FAILED),
            strict=True,
        )
    )


def event_type(event: Event[Any]) -> str:
    return event.type


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_concurrency_below_one_is_refused_at_the_call(concurrency: int) -> None:
    with pytest.raises(RegistrationError, match=f"concurrency={concurrency}"):
        Router().dispatch_many([], concurrency=concurrency)


# How many at a time


class CountedSource:
    """Events, and how many were taken."""

    def __init__(self, count: int) -> None:
        self.taken = 0
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self._count):
            self.taken += 1
            yield raw_event("number", number)

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for event in iter(self):
            await anyio.lowlevel.checkpoint()
            yield event


class SyncOnly:
    """The same source without its async side."""

    def __init__(self, source: CountedSource) -> None:
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._source)


@EVERY_CONCURRENCY
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "waits"])
@pytest.mark.anyio
async def test_no_more_are_taken_than_may_be_in_flight(
    concurrency: int, is_async: bool, waits: bool
) -> None:
    source = CountedSource(300)
    router = waiting_router() if waits else numbering_router()
    given = 0

    events = source if is_async else SyncOnly(source)
    async for _ in router.dispatch_many(events, concurrency=concurrency):
        given += 1
        assert source.taken - (given - 1) <= concurrency
        if given % 3 == 0:
            await anyio.lowlevel.checkpoint()
            # The one just given out is done; the others may be in flight.
            assert source.taken - given <= concurrency

    assert given == 300


@pytest.mark.parametrize("concurrency", [1, 2, 5, 20])
@pytest.mark.anyio
async def test_as_many_are_in_flight_as_may_be_if_handlers_wait(concurrency: int) -> None:
    router = Router()
    inside = 0
    all_inside = anyio.Event()

    @router.on("number")
    async def handle(number: int) -> None:
        nonlocal inside
        inside += 1
        if inside == concurrency:
            all_inside.set()
        await all_inside.wait()

    with anyio.fail_after(GUARD):
        results = [r async for r in router.dispatch_many(numbered(40), concurrency=concurrency)]

    assert len(results) == 40


@pytest.mark.anyio
async def test_results_wait_until_they_are_taken_and_events_with_them() -> None:
    source = CountedSource(100)

    async with aclosing(
        numbering_router().dispatch_many(SyncOnly(source), concurrency=4)
    ) as results:
        await anext(results)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()

        assert source.taken <= 5


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.anyio
async def test_all_come_through_whoever_waits(seed: int) -> None:
    """Handlers, the source and the reader of the results wait now and then, for any time."""
    chance = random.Random(seed)
    count, concurrency = 400, chance.choice([2, 3, 10, 150])
    source = CountedSource(count)
    turns = [chance.choice([0, 0, 0, 1, 2, 30]) for _ in range(count)]
    events = source if chance.random() < 0.5 else SyncOnly(source)
    numbers: list[int] = []

    with anyio.fail_after(GUARD):
        async for result in waiting_router(dict(enumerate(turns))).dispatch_many(
            events, concurrency=concurrency
        ):
            assert source.taken - len(numbers) <= concurrency
            numbers.append(number_of(result))
            for _ in range(chance.choice([0, 0, 0, 1, 5])):
                await anyio.lowlevel.checkpoint()

    assert sorted(numbers) == list(range(count))


# Order


@pytest.mark.anyio
async def test_one_at_a_time_keeps_the_order() -> None:
    turns = {number: number % 3 for number in range(20)}

    results = [r async for r in waiting_router(turns).dispatch_many(numbered(20))]

    assert [number_of(result) for result in results] == list(range(20))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.anyio
async def test_events_of_one_key_stay_in_order_and_one_after_the_other(seed: int) -> None:
    chance = random.Random(seed)
    keys, count = chance.randint(1, 6), 80
    key_of = [chance.randrange(keys) for _ in range(count)]
    turns = [chance.randrange(6) for _ in range(count)]
    began: dict[int, list[int]] = defaultdict(list)
    running: set[int] = set()
    router = Router()

    @router.on("number")
    async def handle(number: int) -> None:
        key = key_of[number]
        assert key not in running, "two of one key at once"
        running.add(key)
        began[key].append(number)
        for _ in range(turns[number]):
            await anyio.lowlevel.checkpoint()
        running.remove(key)

    given: dict[int, list[int]] = defaultdict(list)
    events = numbered(count) if seed % 2 else async_source(numbered(count))
    async for result in router.dispatch_many(
        events,
        concurrency=chance.randint(2, 12),
        ordered_by=lambda event: key_of[event.payload],
    ):
        assert result.ok, result.error
        given[key_of[number_of(result)]].append(number_of(result))

    expected = {key: [n for n in range(count) if key_of[n] == key] for key in sorted(set(key_of))}
    assert dict(sorted(began.items())) == dict(sorted(given.items())) == expected


@pytest.mark.anyio
async def test_a_key_that_waits_does_not_hold_up_the_others() -> None:
    router = Router()
    may_end = anyio.Event()

    @router.on("number")
    async def handle(number: int) -> None:
        if number == 0:
            await may_end.wait()

    order: list[int] = []
    with anyio.fail_after(GUARD):
        async for result in router.dispatch_many(
            numbered(4), concurrency=4, ordered_by=lambda event: event.payload % 2
        ):
            order.append(number_of(result))
            if order == [1, 3]:
                may_end.set()

    assert order == [1, 3, 0, 2]


@pytest.mark.anyio
async def test_a_failure_does_not_hold_up_its_key() -> None:
    router = Router()

    @router.on("number")
    async def handle(number: int) -> None:
        await anyio.lowlevel.checkpoint()
        if number == 0:
            raise OSError

    results = [
        r
        async for r in router.dispatch_many(numbered(3), concurrency=3, ordered_by=lambda event: 1)
    ]

    assert [result.ok for result in results] == [False, True, True]


@pytest.mark.parametrize("key", [[], None], ids=["unhashable", "raises"])
@pytest.mark.anyio
async def test_an_ordered_by_that_fails_fails_that_event_alone(key: Any) -> None:
    def by(event: Event[Any]) -> Any:
        if event.payload == 1 and key is None:
            raise LookupError("no key")
        return key if event.payload == 1 else event.payload

    results = [
        r async for r in numbering_router().dispatch_many(numbered(3), concurrency=2, ordered_by=by)
    ]

    by_number = {number_of(result): result for result in results}
    assert [by_number[number].ok for number in range(3)] == [True, False, True]
    error = by_number[1].error
    assert isinstance(error, (LookupError, TypeError))
    assert "ordered_by=" in error.__notes__[0]


@pytest.mark.anyio
async def test_a_malformed_event_has_no_key_and_is_a_result() -> None:
    events = [b"{", *numbered(2)]

    results = [
        r
        async for r in numbering_router().dispatch_many(
            events, concurrency=2, ordered_by=event_type
        )
    ]

    assert sorted(type(r.error) is MalformedEvent for r in results) == [False, False, True]


# Its source


class SourceFailed(Exception):
    """An error of a source."""


def failing_source(count: int) -> Iterator[bytes]:
    yield from numbered(count)
    raise SourceFailed


@EVERY_CONCURRENCY
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.anyio
async def test_an_error_of_the_source_is_raised_after_the_results_of_those_in_flight(
    concurrency: int, is_async: bool
) -> None:
    events: Any = failing_source(5)
    if is_async:
        events = async_source(events)
    numbers: list[int] = []

    async def consume() -> None:
        async for result in waiting_router().dispatch_many(events, concurrency=concurrency):
            numbers.append(number_of(result))

    with pytest.raises(SourceFailed):
        await consume()

    assert sorted(numbers) == list(range(5))


class StrictSource:
    """An async iterator that is neither entered twice at once nor asked again after its end."""

    def __init__(self, count: int) -> None:
        self._left = iter(numbered(count))
        self._is_entered = False
        self._is_at_end = False

    def __aiter__(self) -> StrictSource:
        return self

    async def __anext__(self) -> bytes:
        assert not self._is_entered
        assert not self._is_at_end
        self._is_entered = True
        await anyio.lowlevel.checkpoint()
        self._is_entered = False
        event = next(self._left, None)
        if event is None:
            self._is_at_end = True
            raise StopAsyncIteration
        return event


@EVERY_CONCURRENCY
@pytest.mark.parametrize("router", [numbering_router(), waiting_router()], ids=["at once", "waits"])
@pytest.mark.anyio
async def test_an_async_source_is_read_by_one_at_a_time_up_to_its_end(
    router: Router, concurrency: int
) -> None:
    events = StrictSource(200)

    results = [r async for r in router.dispatch_many(events, concurrency=concurrency)]

    assert sorted(map(number_of, results)) == list(range(200))


# Leaving early


@pytest.mark.anyio
async def test_leaving_early_cancels_what_is_in_flight() -> None:
    router = Router()
    cancelled: list[int] = []

    @router.on("number")
    async def handle(number: int) -> None:
        if number == 0:
            return
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            cancelled.append(number)
            raise

    with anyio.fail_after(GUARD):
        async with aclosing(router.dispatch_many(numbered(10), concurrency=4)) as results:
            async for result in results:
                assert number_of(result) == 0
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
                break

    assert sorted(cancelled) == [1, 2, 3, 4]


@EVERY_CONCURRENCY
@pytest.mark.anyio
async def test_an_error_in_the_loop_s_body_comes_out_as_it_is(concurrency: int) -> None:
    events = waiting_router().dispatch_many(numbered(10), concurrency=concurrency)

    async def consume() -> None:
        async with aclosing(events) as results:
            async for _ in results:
                raise LookupError

    with pytest.raises(LookupError):
        await consume()


@EVERY_CONCURRENCY
@pytest.mark.anyio
async def test_an_iterator_that_was_never_begun_leaks_nothing(concurrency: int) -> None:
    results = waiting_router().dispatch_many(numbered(10), concurrency=concurrency)
    await results.aclose()

    assert [r async for r in results] == []


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_task_is_left_after_leaving_early(concurrency: int) -> None:
    async def leave_early() -> int:
        async with aclosing(
            waiting_router().dispatch_many(numbered(10), concurrency=concurrency)
        ) as results:
            await anext(results)
        return len(asyncio.all_tasks())

    assert anyio.run(leave_early, backend="asyncio") == 1


# Cancellation, and what ends the program


@EVERY_CONCURRENCY
@pytest.mark.anyio
async def test_a_cancellation_around_the_loop_passes_through(concurrency: int) -> None:
    router = Router()

    with anyio.CancelScope() as scope:

        @router.on("number")
        async def handle(number: int) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        async for _ in router.dispatch_many(numbered(10), concurrency=concurrency):
            pytest.fail("a cancelled event has a result")

    assert scope.cancelled_caught


@EVERY_CONCURRENCY
def test_a_handler_that_is_cancelled_stays_cancelled(concurrency: int) -> None:
    """In asyncio something may be cancelled without a scope: no event may vanish for it."""
    router = Router()

    @router.on("number")
    async def handle(number: int) -> None:
        task = asyncio.ensure_future(anyio.sleep_forever())
        task.cancel()
        await task

    async def consume() -> list[Result]:
        return [r async for r in router.dispatch_many(numbered(3), concurrency=concurrency)]

    with pytest.raises(asyncio.CancelledError):
        anyio.run(consume, backend="asyncio")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
@EVERY_CONCURRENCY
def test_what_ends_the_program_passes_through(
    interruption: type[BaseException], concurrency: int, anyio_backend: str
) -> None:
    router = Router()

    @router.on("number")
    async def handle(number: int) -> None:
        raise interruption

    async def consume() -> list[Result]:
        return [r async for r in router.dispatch_many(numbered(3), concurrency=concurrency)]

    with pytest.raises(interruption):
        anyio.run(consume, backend=anyio_backend)


# Beside other tasks


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.anyio
async def test_a_deadline_is_met_though_no_handler_ever_waits(concurrency: int) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield raw_event("number", 1)

    with anyio.fail_after(GUARD), anyio.move_on_after(0.01) as scope:
        async for _ in numbering_router().dispatch_many(endless(), concurrency=concurrency):
            pass

    assert scope.cancelled_caught


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.anyio
async def test_other_tasks_run_at_least_every_64_events(concurrency: int) -> None:
    events, turns = 64 * 20, 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_turns)
        router = numbering_router()
        async for _ in router.dispatch_many(numbered(events), concurrency=concurrency):
            pass
        tasks.cancel_scope.cancel()

    assert turns >= 17  # trio may run either first


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.anyio
async def test_memory_stays_flat(concurrency: int) -> None:
    """Over many events, each of a key of its own."""
    count, blocks = 0, list[int]()
    events = ({"event_type": "number", "payload": number} for number in range(50_000))

    async for _ in numbering_router().dispatch_many(
        events, concurrency=concurrency, ordered_by=lambda event: event.payload
    ):
        count += 1
        if count % 20_000 == 0:
            gc.collect()
            blocks.append(sys.getallocatedblocks())

    assert count == 50_000
    assert max(blocks) - blocks[0] < 20_000, "a tenth of a block for each event"
