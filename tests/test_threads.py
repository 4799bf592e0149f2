"""Worker threads: so many and no more, and no deadlock where handlers dispatch again."""

from __future__ import annotations

import threading

import anyio
import pytest
from anyio import from_thread

from eventrouter import RegistrationError, Result, Router
from tests.events import raw_event

DEADLOCK = 10  # seconds; only a guard, nothing here takes long


class Gauge:
    """Counts what is inside of it at the same time."""

    def __init__(self) -> None:
        self.inside = self.highest = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.highest = max(self.highest, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1


async def process_at_once(router: Router, events: list[bytes]) -> list[Result]:
    results: list[Result] = []

    async def process(raw: bytes) -> None:
        results.append(await router.process(raw))

    with anyio.fail_after(DEADLOCK):
        async with anyio.create_task_group() as tasks:
            for raw in events:
                tasks.start_soon(process, raw)
    return results


def descending(router: Router, into: Router | None = None) -> None:
    """Add a handler that dispatches the number below its own, until there is none."""

    @router.on("count.down")
    def handle(left: int) -> int:
        if left == 0:
            return 0
        result = from_thread.run((into or router).dispatch, raw_event("count.down", left - 1))
        deeper: int = result.handlers[0].value
        return deeper + 1


@pytest.mark.anyio
async def test_max_threads_handlers_run_at_once_and_no_more() -> None:
    router = Router(max_threads=3)
    gauge = Gauge()
    three = threading.Barrier(3, timeout=DEADLOCK)

    @router.on("order.paid")
    def handle(event: object) -> None:
        with gauge:
            three.wait()

    results = await process_at_once(router, [raw_event()] * 12)

    assert all(result.ok for result in results)
    assert gauge.highest == 3


@pytest.mark.anyio
async def test_concurrent_handlers_of_one_event_are_bounded_too() -> None:
    router = Router(max_threads=2, concurrent=True)
    gauge = Gauge()
    two = threading.Barrier(2, timeout=DEADLOCK)

    def add_handler() -> None:
        @router.on("order.paid")
        def handle(event: object) -> None:
            with gauge:
                two.wait()

    for _ in range(6):
        add_handler()

    with anyio.fail_after(DEADLOCK):
        result = await router.dispatch(raw_event())

    assert len(result.handlers) == 6
    assert gauge.highest == 2


@pytest.mark.anyio
async def test_each_router_has_its_own_threads() -> None:
    """Two routers of one thread each run two handlers at once."""
    routers = Router(max_threads=1), Router(max_threads=1)
    both = threading.Barrier(2, timeout=DEADLOCK)

    for router in routers:

        @router.on("order.paid")
        def handle(event: object) -> None:
            both.wait()

    with anyio.fail_after(DEADLOCK):
        async with anyio.create_task_group() as tasks:
            for router in routers:
                tasks.start_soon(router.dispatch, raw_event())


@pytest.mark.parametrize("depth", [1, 2, 10])
@pytest.mark.anyio
async def test_a_handler_in_the_only_thread_may_dispatch_again(depth: int) -> None:
    router = Router(max_threads=1)
    descending(router)

    with anyio.fail_after(DEADLOCK):
        result = await router.dispatch(raw_event("count.down", depth))

    assert result.handlers[0].value == depth


@pytest.mark.parametrize("max_threads", [1, 2, 3])
@pytest.mark.anyio
async def test_several_at_once_may_dispatch_again(max_threads: int) -> None:
    router = Router(max_threads=max_threads)
    descending(router)

    results = await process_at_once(router, [raw_event("count.down", 3)] * 10)

    assert [result.handlers[0].value for result in results] == [3] * 10


@pytest.mark.anyio
async def test_two_routers_may_dispatch_to_each_other() -> None:
    one, other = Router(max_threads=1), Router(max_threads=1)
    descending(one, into=other)
    descending(other, into=one)

    results = await process_at_once(one, [raw_event("count.down", 5)] * 5)

    assert [result.handlers[0].value for result in results] == [5] * 5


@pytest.mark.anyio
async def test_an_async_handler_between_two_in_threads_does_not_deadlock() -> None:
    router = Router(max_threads=1)

    @router.on("outer")
    def outer(event: object) -> Result:
        return from_thread.run(router.dispatch, raw_event("middle"))

    @router.on("middle")
    async def middle(event: object) -> Result:
        return await router.dispatch(raw_event("inner"))

    @router.on("inner")
    def inner(event: object) -> str:
        return "inner"

    with anyio.fail_after(DEADLOCK):
        result = await router.dispatch(raw_event("outer"))

    assert result.handlers[0].value.handlers[0].value.handlers[0].value == "inner"


@pytest.mark.anyio
async def test_the_several_handlers_of_an_event_dispatched_again_all_run() -> None:
    router = Router(max_threads=1, concurrent=True)
    ran: list[str] = []

    @router.on("outer")
    def outer(event: object) -> None:
        from_thread.run(router.dispatch, raw_event("inner"))

    @router.on("inner")
    def first(event: object) -> None:
        ran.append("first")

    @router.on("inner")
    def second(event: object) -> None:
        ran.append("second")

    with anyio.fail_after(DEADLOCK):
        await router.dispatch(raw_event("outer"))

    assert sorted(ran) == ["first", "second"]


@pytest.mark.anyio
async def test_concurrent_handlers_dispatched_again_overlap_while_threads_are_free() -> None:
    router = Router(concurrent=True)
    both = threading.Barrier(2, timeout=DEADLOCK)

    @router.on("outer")
    def outer(event: object) -> None:
        from_thread.run(router.dispatch, raw_event("inner"))

    @router.on("inner")
    def first(event: object) -> None:
        both.wait()

    @router.on("inner")
    def second(event: object) -> None:
        both.wait()

    result = await router.process(raw_event("outer"))

    assert result.error is None


def test_a_router_works_in_one_event_loop_after_another(anyio_backend: str) -> None:
    router = Router(max_threads=1)
    descending(router)

    values = [
        anyio.run(router.dispatch, raw_event("count.down", 2), backend=anyio_backend)
        .handlers[0]
        .value
        for _ in range(3)
    ]

    assert values == [2, 2, 2]


def test_a_router_works_in_event_loops_of_both_kinds() -> None:
    router = Router(max_threads=1)
    descending(router)

    values = [
        anyio.run(router.dispatch, raw_event("count.down", 2), backend=backend).handlers[0].value
        for backend in ("asyncio", "trio", "asyncio")
    ]

    assert values == [2, 2, 2]


@pytest.mark.anyio
async def test_a_handler_in_a_thread_may_start_an_event_loop_of_its_own(
    anyio_backend: str,
) -> None:
    router = Router(max_threads=1)

    @router.on("outer")
    def outer(event: object) -> Result:
        return anyio.run(router.dispatch, raw_event("inner"), backend=anyio_backend)

    @router.on("inner")
    def inner(event: object) -> str:
        return "inner"

    with anyio.fail_after(DEADLOCK):
        result = await router.dispatch(raw_event("outer"))

    assert result.handlers[0].value.handlers[0].value == "inner"


@pytest.mark.anyio
async def test_a_thread_is_free_again_after_a_handler_failed() -> None:
    router = Router(max_threads=1)

    @router.on("order.paid")
    def handle(event: object) -> None:
        raise OSError

    with anyio.fail_after(DEADLOCK):
        for _ in range(3):
            result = await router.process(raw_event())
            assert isinstance(result.error, OSError)


@pytest.mark.anyio
async def test_a_cancelled_dispatch_waits_for_the_handler_in_its_thread() -> None:
    router = Router()
    began, may_end = anyio.Event(), threading.Event()
    ended: list[bool] = []

    @router.on("order.paid")
    def handle(event: object) -> None:
        from_thread.run_sync(began.set)
        ended.append(may_end.wait(DEADLOCK))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(router.process, raw_event())
        await began.wait()
        tasks.cancel_scope.cancel()
        may_end.set()

    assert ended == [True]


@pytest.mark.parametrize("most", [0, -1])
def test_a_router_without_threads_is_refused(most: int) -> None:
    with pytest.raises(RegistrationError, match=f"max_threads={most}"):
        Router(max_threads=most)
