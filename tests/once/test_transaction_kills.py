"""Processes that are killed in the middle of a transaction: each effect is there once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eventrouter.contexts import driven
from eventrouter.event import now
from eventrouter.stores import PostgresStore
from tests.once.races import run
from tests.postgres import effects_table, execute, schema
from tests.services import POSTGRES
from tests.stores.processes import ROOT

#: Takes an event from an inbox, and kills itself before or after a step of what it does then.
AT_A_STEP = """
import os, signal, sys
import anyio
from psycopg import Connection
from eventrouter import Event, Inbox, Router
from eventrouter.stores import PostgresStore
from eventrouter.stores.postgres import claims
from tests.postgres import Effects
from tests.services import POSTGRES

schema, table, step, moment = sys.argv[1:]
effects = Effects(table)

def deadly(call):
    def die(*arguments, **named):
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        call(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return die

def deadly_async(call):
    async def die(*arguments, **named):
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await call(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return die

class Store(PostgresStore):
    pass

def write(connection, event):
    connection.execute(effects.insert, [event.id])

if step == "begin":
    claims.lock = deadly(claims.lock)
elif step == "effect":
    write = deadly(write)
elif step == "complete":
    claims.complete = deadly(claims.complete)
elif step == "commit":
    Store.transact = deadly(PostgresStore.transact)
elif step == "acknowledge":
    Store.done = deadly_async(PostgresStore.done)

# Leases run out at once, for the next process to go on at once.
store = Store(POSTGRES, schema=schema, connections=2)
router = Router(idempotency=store)

@router.on("counted")
def count(event: Event[int], connection: Connection) -> None:
    write(connection, event)

async def main():
    inbox = Inbox(store, lease=0.5, poll=0.05, deaths=10)
    async with inbox.workers(router) as workers:
        await workers.emptied()
    store.close()

anyio.run(main)
"""
EVENT = b'{"event_type": "counted", "payload": 1, "metadata": {"id": "e-7"}}'


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", ["begin", "effect", "complete", "commit", "acknowledge"])
def test_no_kill_between_two_steps_loses_an_effect_or_leaves_two(step: str, moment: str) -> None:
    with schema() as name, effects_table() as effects:
        store = PostgresStore(POSTGRES, schema=name)
        put(store)

        def work(step: str, moment: str = "") -> int:
            command = [sys.executable, "-c", AT_A_STEP, name, effects.schema, step, moment]
            return subprocess.run(command, cwd=ROOT, check=False).returncode

        killed = work(step, moment)
        after_kill = effects.all()
        ended = work("none")

        is_committed = (step, moment) == ("commit", "after") or step == "acknowledge"
        assert (killed, ended) == (-9, 0)
        assert after_kill == (["e-7"] if is_committed else [])
        assert effects.all() == ["e-7"]
        assert execute(f"SELECT count(*) FROM {name}.entries") == [(0,)]
        store.close()


def put(store: PostgresStore) -> None:
    driven(store.put(EVENT, {}, now()))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_of_processes_that_race_and_are_killed_each_event_has_one_effect(backend: str) -> None:
    found = run(events=150, kills=5, backend=backend)

    assert (found.effects, found.duplicates, found.completed) == (150, 0, 150)
    assert found.kills > 0
