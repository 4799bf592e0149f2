"""Processes and servers that are killed: nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from redis.asyncio import Redis

from eventrouter import Router, StoreError
from eventrouter.integrations.faststream.queues import connection_of
from eventrouter.integrations.faststream.redis import RedisPublisher
from eventrouter.workers import Workers
from tests.brokers.redis.conftest import RedisRig
from tests.brokers.redis.servers import private_server
from tests.brokers.scenarios import PATIENCE, ROOT, Seen, process_all, working
from tests.events import raw_event

pytestmark = pytest.mark.anyio

#: Kills itself before or after the server has done something.
AT_A_STEP = """
import json, os, signal, sys
import anyio
from eventrouter import Router
from eventrouter.integrations.faststream.consuming import consuming
from eventrouter.integrations.faststream.queues import connection_of
from eventrouter.integrations.faststream.redis import scripts, taking
from eventrouter.integrations.faststream.redis.server import Server

settings, step, moment, kind = sys.argv[1:]
run, read = Server.run, taking.read

async def at(call):
    if moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    await call
    os.kill(os.getpid(), signal.SIGKILL)

async def deadly_run(server, script, *arguments):
    call = run(server, script, *arguments)
    if script == scripts.SETTLE and step == "settle":
        await at(call)
    return await call

async def deadly_read(*arguments):
    call = read(*arguments)
    if step == "read":
        await at(call)
    return await call

Server.run, taking.read = deadly_run, deadly_read
router = Router()

@router.on("counted")
async def handle(number: int) -> None:
    if kind == "failing":
        raise ConnectionError

async def main():
    queue = connection_of(**json.loads(settings)).queue
    attempts = 1 if kind == "poison" else 3
    async with consuming(
        router, queue, concurrency=1, attempts=attempts, wait=0.01, longest_wait=0.01, grace=1
    ) as workers:
        await workers.emptied()

anyio.run(main)
"""


@pytest.mark.parametrize(
    ("step", "moment", "kind", "calls"),
    [
        ("read", "before", "good", 1),
        ("read", "after", "good", 1),
        ("settle", "before", "good", 1),
        ("settle", "after", "good", 0),
        ("settle", "before", "failing", 1),
        ("settle", "after", "failing", 1),
        ("settle", "before", "unrouted", 0),
        ("settle", "after", "unrouted", 0),
    ],
)
async def test_no_kill_between_two_steps_loses_or_makes_up_an_event(
    rig: RedisRig, step: str, moment: str, kind: str, calls: int
) -> None:
    raw = raw_event("nobody.knows" if kind == "unrouted" else "counted", 7)
    await rig.publish(raw)
    killed = await anyio.to_thread.run_sync(
        lambda: subprocess.run(
            [sys.executable, "-c", AT_A_STEP, json.dumps(rig.settings("g")), step, moment, kind],
            cwd=ROOT,
            env={**os.environ},
            timeout=PATIENCE,
            check=False,
        )
    )
    assert killed.returncode == -9
    router = Router()
    seen = Seen(router)

    await process_all(rig.queue(lease=0.05), router)

    assert seen.calls[7] == calls
    letters = await rig.dead_letters("g")
    assert [letter.raw for letter in letters] == ([raw] if kind == "unrouted" else [])


async def test_nothing_is_lost_when_the_server_is_killed_and_comes_back(tmp_path: Path) -> None:
    router = Router()
    seen = Seen(router, lambda number: number % 10 == 0 and seen.calls[number] == 1)
    with private_server(tmp_path) as server:
        connection = connection_of(server.url, subject="orders", group="billing", declare=True)
        client = Redis.from_url(server.url)
        for number in range(200):
            await client.xadd("orders", {"data": raw_event("counted", number)})
        await client.connection_pool.disconnect()  # its connections are gone soon

        async with working(connection.queue, router, concurrency=5) as workers:
            for count in (60, 120):
                await seen.until(count)
                server.kill()
                server.start()
            await seen.until(200)
            with anyio.fail_after(PATIENCE):
                await emptied(workers)

        [group] = await client.xinfo_groups("orders")
        await client.aclose()
    assert set(seen.passed) == set(range(200))
    assert (group["pending"], group["lag"], workers.set_aside) == (0, 0, 0)


async def emptied(workers: Workers) -> None:
    """Wait until nothing is left, whether the server answers or not."""
    while True:
        try:
            return await workers.emptied()
        except StoreError:
            await anyio.lowlevel.checkpoint()


async def test_what_was_published_is_there_after_the_server_was_killed(tmp_path: Path) -> None:
    with private_server(tmp_path) as server:
        connection = connection_of(server.url, subject="orders", group="billing", declare=True)
        publisher = connection.publisher
        assert isinstance(publisher, RedisPublisher)
        router = Router()
        seen = Seen(router)
        for number in range(50):
            raw = raw_event("counted", number)
            await publisher.publish(router.read(raw), raw, {})
        server.kill()
        server.start()
        await connection.broker.stop()

        await process_all(connection.queue, router)

    assert sorted(seen.passed) == list(range(50))
