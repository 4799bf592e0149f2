"""What every broker does with events, whatever its own words for it are."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from eventrouter import Retry, Router
from eventrouter.integrations.faststream.consuming import consuming
from eventrouter.integrations.faststream.queues import BrokerQueue
from eventrouter.stores.entries import Entry
from eventrouter.workers import Workers
from tests.brokers.rig import Rig
from tests.events import raw_event
from tests.inbox.conftest import Gate

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds: what takes longer fails


class Seen:
    """A handler of numbers that notes what it got, and may fail or wait."""

    def __init__(self, router: Router, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.calls: Counter[int] = Counter()
        self.passed: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self._fails = fails
        self._news = anyio.Event()
        router.add_route("counted", self.handle)

    async def handle(self, number: int) -> None:
        self.calls[number] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await anyio.lowlevel.checkpoint()
            if self._fails(number):
                raise ConnectionError("the database is down")
        finally:
            self.at_once -= 1
        self.passed.append(number)
        self._news.set()
        self._news = anyio.Event()

    async def until(self, count: int) -> None:
        """Wait until so many different ones have passed."""
        with anyio.fail_after(PATIENCE):
            while len(set(self.passed)) < count:
                await self._news.wait()


@asynccontextmanager
async def working(queue: BrokerQueue, router: Router, **options: Any) -> AsyncGenerator[Workers]:
    """Consume with short waits."""
    settings = {
        "concurrency": 10,
        "attempts": 3,
        "wait": 0.01,
        "longest_wait": 0.05,
        "grace": 10.0,
        **options,
    }
    async with consuming(router, queue, **settings) as workers:
        yield workers


async def process_all(queue: BrokerQueue, router: Router, **options: Any) -> Workers:
    """Consume until there is nothing left."""
    async with working(queue, router, **options) as workers:
        with anyio.fail_after(PATIENCE):
            await workers.emptied()
    return workers


async def take_one(queue: BrokerQueue) -> Entry:
    """Wait until there is one."""
    with anyio.fail_after(30):
        while True:
            for entry in await queue.take("w", limit=1, lease=queue.lease):
                return entry


async def until(condition: Callable[[], object]) -> None:
    """Wait for what nothing tells of."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def declare(rig: Rig, *groups: str, lease: float = 30.0) -> None:
    """Have the groups be there before anything is published."""
    for group in groups:
        queue = rig.queue(group, lease=lease)
        await queue.prepare()
        await queue.close()


async def publish_numbers(rig: Rig, numbers: range, type: str = "counted") -> None:
    for start in range(0, len(numbers), 100):
        await asyncio.gather(
            *[rig.publish(raw_event(type, number)) for number in numbers[start : start + 100]]
        )


class Scenarios:
    """The scenarios; a broker's ``class TestX(Scenarios)`` runs them with its fixture ``rig``."""

    pytestmark = pytest.mark.anyio

    # Delivery

    async def test_what_is_published_is_handled_once(self, rig: Rig) -> None:
        router = Router()
        seen = Seen(router)
        await declare(rig, "g")
        await publish_numbers(rig, range(100))

        workers = await process_all(rig.queue("g"), router)

        assert sorted(seen.passed) == list(range(100))
        assert (workers.results.total(), workers.set_aside) == (100, 0)

    async def test_five_thousand_are_handled_fifty_at_a_time(self, rig: Rig) -> None:
        router = Router()
        seen = Seen(router)
        await declare(rig, "g")
        await publish_numbers(rig, range(5_000))

        await process_all(rig.queue("g"), router, concurrency=50)

        assert sorted(seen.passed) == list(range(5_000))
        assert 1 < seen.most_at_once <= 50

    async def test_what_is_published_while_workers_run_is_handled(self, rig: Rig) -> None:
        router = Router()
        seen = Seen(router)

        async with working(rig.queue("g"), router):
            for number in range(20):
                await rig.publish(raw_event("counted", number))
                await seen.until(number + 1)

        assert seen.passed == list(range(20))

    async def test_headers_come_with_the_event(self, rig: Rig) -> None:
        queue, raw = rig.queue("g"), raw_event("counted", 1)
        await declare(rig, "g")
        await rig.publish(raw, {"x-tenant": "acme"})

        await queue.open(1)
        entries = list[Entry]()
        with anyio.fail_after(PATIENCE):
            while not entries:
                entries = await queue.take("w", limit=1, lease=queue.lease)
        await queue.done(entries[0])
        await queue.stop()
        await queue.close()

        assert (entries[0].raw, entries[0].attempts) == (raw, 1)
        assert entries[0].headers["x-tenant"] == "acme"

    # Failure

    async def test_an_event_whose_handler_failed_comes_again(self, rig: Rig) -> None:
        router = Router()
        seen = Seen(router, lambda number: number % 10 == 0 and seen.calls[number] == 1)
        await declare(rig, "g")
        await publish_numbers(rig, range(50))

        workers = await process_all(rig.queue("g"), router)

        assert sorted(seen.passed) == list(range(50))
        assert seen.calls == {n: 2 if n % 10 == 0 else 1 for n in range(50)}
        assert workers.set_aside == 0

    async def test_what_can_not_be_handled_is_set_aside_with_its_bytes(self, rig: Rig) -> None:
        router = Router()
        seen = Seen(router, lambda number: number < 0)
        bad = {
            b'{"event_type": ': "malformed",
            b"\xff\x00\xfe": "malformed",
            raw_event("nobody.knows", 1): "unrouted",
            raw_event("counted", "text"): "invalid",
            raw_event("counted", -7): "failed",
        }
        await declare(rig, "g")
        for number, raw in enumerate(bad):
            await rig.publish(raw_event("counted", number))
            await rig.publish(raw, {"x-trace": "t-1"})
        await rig.publish(raw_event("counted", 99))

        workers = await process_all(rig.queue("g"), router)

        letters = await rig.dead_letters("g")
        assert {letter.raw: letter.headers["eventrouter-status"] for letter in letters} == bad
        assert {letter.headers["x-trace"] for letter in letters} == {"t-1"}
        assert len(letters) == len(bad)
        assert sorted(seen.passed) == [0, 1, 2, 3, 4, 99]
        assert seen.calls[-7] == 3
        assert workers.set_aside == len(bad)

    async def test_dead_letters_tell_why(self, rig: Rig) -> None:
        router = Router()
        Seen(router, lambda _: True)
        await declare(rig, "g")
        await rig.publish(raw_event("counted", 1))

        await process_all(rig.queue("g"), router, attempts=2)

        [letter] = await rig.dead_letters("g")
        assert letter.headers["eventrouter-error"] == "builtins.ConnectionError"
        assert letter.headers["eventrouter-message"] == "the database is down"
        assert letter.headers["eventrouter-attempts"] == "2"
        assert "Seen.handle" in letter.headers["eventrouter-handlers"]

    async def test_an_event_that_ends_its_process_is_set_aside_and_no_other(
        self, rig: Rig, tmp_path: Path
    ) -> None:
        await declare(rig, "g", lease=2.0)
        await publish_numbers(rig, range(5))
        await rig.publish(raw_event("deadly", 0))
        await publish_numbers(rig, range(5, 10))

        kills = await anyio.to_thread.run_sync(run_until_done, rig.connection("g"), tmp_path)

        letters = await rig.dead_letters("g")
        assert [letter.raw for letter in letters] == [raw_event("deadly", 0)]
        assert set(map(int, (tmp_path / "effects").read_text().split())) == set(range(10))
        assert kills == 3  # as many as attempts

    # Back-pressure

    async def test_no_more_are_taken_than_are_not_acknowledged(self, rig: Rig) -> None:
        router = Router()
        gate = Gate(router)
        queue = rig.queue("g")
        await declare(rig, "g")
        await publish_numbers(rig, range(30))

        async with working(queue, router, concurrency=4) as workers:
            await gate.until_begun(4)
            counts = await queue.count_entries()
            assert (len(gate.begun), workers.in_flight) == (4, 4)
            assert counts.taken <= 4
            gate.open()
            with anyio.fail_after(PATIENCE):
                await workers.emptied()

        assert sorted(gate.passed) == list(range(30))
        assert gate.most_at_once == 4

    async def test_what_one_does_not_take_is_there_for_another(self, rig: Rig) -> None:
        slow, quick = Router(), Router()
        gate, seen = Gate(slow), Seen(quick)
        await declare(rig, "g")
        await publish_numbers(rig, range(12))

        async with working(rig.queue("g"), slow, concurrency=2):
            await gate.until_begun(2)
            async with working(rig.queue("g"), quick):
                await seen.until(10)
            gate.open()

        assert sorted(gate.passed + seen.passed) == list(range(12))

    # The end

    async def test_it_goes_on_after_it_was_closed(self, rig: Rig) -> None:
        router = Router()
        seen = Seen(router)
        queue = rig.queue("g")
        await declare(rig, "g")
        await publish_numbers(rig, range(50))
        async with working(queue, router):
            await seen.until(20)
        await publish_numbers(rig, range(50, 100))

        await process_all(queue, router)

        assert sorted(seen.passed) == list(range(100))

    async def test_what_the_end_cuts_off_is_given_back(self, rig: Rig) -> None:
        stuck, router = Router(), Router()
        gate, seen = Gate(stuck), Seen(router)
        await declare(rig, "g")
        await publish_numbers(rig, range(20))

        for _ in range(5):  # more often than it would be tried
            async with working(rig.queue("g"), stuck, grace=0) as cut:
                await gate.until_begun(1)
            assert cut.cut_off
            gate.begun.clear()
            if not rig.tells_failures:
                break
        workers = await process_all(rig.queue("g"), router)

        assert sorted(seen.passed) == list(range(20))
        assert workers.set_aside == 0

    # Order

    async def test_the_events_of_a_key_are_handled_in_order(self, rig: Rig) -> None:
        if not rig.keeps_order:
            pytest.skip("this broker does not keep the order")
        retry = Retry(3, on=ConnectionError, wait=0.001, jitter=0)
        router = Router(ordered_by=lambda event: str(event.payload % 16), retry=retry)
        seen = Seen(router, lambda number: number % 7 == 0 and seen.calls[number] == 1)
        await declare(rig, "g")
        for number in range(320):
            await rig.publish(raw_event("counted", number))

        await process_all(rig.queue("g"), router, concurrency=50)

        for key in range(16):
            passed = [number for number in seen.passed if number % 16 == key]
            assert passed == list(range(key, 320, 16))

    # Connections

    async def test_nothing_is_lost_when_connections_are_cut(self, rig: Rig) -> None:
        router = Router()
        seen = Seen(router)
        await declare(rig, "g", lease=2.0)
        await publish_numbers(rig, range(300))

        async with working(rig.queue("g", lease=2.0), router, concurrency=5) as workers:
            for third_and_half in (100, 150):
                await seen.until(third_and_half)
                await rig.cut()
            await seen.until(300)
            with anyio.fail_after(PATIENCE):
                await workers.emptied()

        assert set(seen.passed) == set(range(300))
        assert workers.set_aside == 0

    # Groups

    async def test_each_group_gets_all(self, rig: Rig) -> None:
        one, other = Router(), Router()
        seen_by_one, seen_by_other = Seen(one), Seen(other)
        await declare(rig, "one", "other")
        await publish_numbers(rig, range(50))

        await process_all(rig.queue("one"), one)
        await process_all(rig.queue("other"), other)

        assert sorted(seen_by_one.passed) == list(range(50))
        assert sorted(seen_by_other.passed) == list(range(50))

    async def test_the_members_of_a_group_share(self, rig: Rig) -> None:
        one, other = Router(), Router()
        gate, seen = Gate(one), Seen(other)
        await declare(rig, "g")
        await publish_numbers(rig, range(100))

        async with working(rig.queue("g"), one, concurrency=5):
            await gate.until_begun(5)
            async with working(rig.queue("g"), other, concurrency=5):
                await seen.until(95)
            gate.open()

        assert sorted(gate.passed + seen.passed) == list(range(100))
        assert gate.passed


def run_until_done(connection: dict[str, Any], folder: Path) -> int:
    """Run the program until it ends by itself, and tell how often it was killed."""
    kills = 0
    while True:
        finished = subprocess.run(
            [sys.executable, "-m", "tests.brokers.killed", json.dumps(connection), str(folder)],
            cwd=ROOT,
            env={**os.environ},
            timeout=PATIENCE,
            check=False,
        )
        if finished.returncode == 0:
            return kills
        assert finished.returncode == -signal.SIGKILL, finished.returncode
        kills += 1
        assert kills < 20
