"""What a handler gives in a transaction is kept to be published in the same transaction."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from psycopg import Connection

from eventrouter import Event, Outbox, Router, Status
from eventrouter.contexts import driven
from eventrouter.stores import OutgoingCounts, PostgresStore
from tests.events import Paid, raw_event
from tests.postgres import Effects, effects_table, postgres_store, schema
from tests.publishing.publishers import Recording
from tests.services import POSTGRES
from tests.stores.processes import ROOT

pytestmark = pytest.mark.anyio

RAW = raw_event(id="e-7")
EMPTY = OutgoingCounts(0, 0, 0, 0)


@pytest.fixture
def store() -> Iterator[PostgresStore]:
    with postgres_store() as store:
        yield store


@pytest.fixture
def effects() -> Iterator[Effects]:
    with effects_table() as effects:
        yield effects


@pytest.fixture
def publisher() -> Recording:
    return Recording()


def booking(
    effects: Effects, store: PostgresStore, publisher: Recording, *given: Event[Any]
) -> Router:
    router = Router(idempotency=store, publisher=publisher)

    @router.on("order.paid")
    def book(event: Event[Paid], connection: Connection) -> list[Event[Any]]:
        connection.execute(effects.insert, [event.id])
        return list(given)

    return router


async def test_an_effect_its_key_and_its_events_are_committed_together(
    store: PostgresStore, effects: Effects, publisher: Recording
) -> None:
    router = booking(effects, store, publisher, Event.new("booked", 1), Event.new("counted", 2))

    first, again = await router.process(RAW), await router.process(RAW)

    assert (first.status, again.status) == (Status.HANDLED, Status.DUPLICATE)
    assert effects.all() == ["e-7"]
    outbox = Outbox(store, publisher)
    async with outbox.relaying() as relay:
        with anyio.fail_after(30):
            await relay.emptied()
    assert publisher.types == ["booked", "counted"]
    assert publisher.ids == [event.id for event in first.handlers[0].value]
    assert {body["metadata"]["causation_id"] for body in publisher.bodies} == {"e-7"}


async def test_a_handler_that_raises_leaves_neither(
    store: PostgresStore, effects: Effects, publisher: Recording
) -> None:
    router = Router(idempotency=store, publisher=publisher)

    @router.on("order.paid")
    def book(event: Event[Paid], connection: Connection) -> Iterator[Event[int]]:
        connection.execute(effects.insert, [event.id])
        yield Event.new("booked", 1)
        raise ConnectionError

    assert (await router.process(RAW)).status is Status.FAILED
    assert effects.all() == []
    assert await store.count_outgoing() == EMPTY


async def test_what_can_not_be_written_undoes_the_effect(
    store: PostgresStore, effects: Effects, publisher: Recording
) -> None:
    router = booking(effects, store, publisher, Event.new("booked", object()))

    result = await router.process(RAW)

    assert result.status is Status.FAILED
    assert effects.all() == []
    assert await store.count_outgoing() == EMPTY


async def test_two_transactions_that_give_events_of_the_same_stories_do_not_wait_for_each_other(
    store: PostgresStore, effects: Effects, publisher: Recording
) -> None:
    """As they would if each locked the keys in the order in which it gave the events."""
    router = Router(idempotency=store, publisher=publisher)

    @router.on("order.paid")
    def book(event: Event[Paid], connection: Connection) -> list[Event[int]]:
        stories = ["a", "b"] if event.id == "e-0" else ["b", "a"]
        return [Event.new("booked", 1, metadata={"correlation_id": story}) for story in stories]

    results = list[Status]()

    async def process(number: int) -> None:
        results.append((await router.process(raw_event(id=f"e-{number % 2}-{number}"))).status)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(process, number)

    assert results == [Status.HANDLED] * 20


#: Handles an event, and kills itself before or after a step of what it does then.
AT_A_STEP = """
import os, signal, sys
from psycopg import Connection
from eventrouter import Event, Router
from eventrouter.stores import PostgresStore
from eventrouter.stores.postgres import claims, outgoing
from tests.postgres import Effects
from tests.publishing.publishers import Recording
from tests.services import POSTGRES

schema, table, step, moment = sys.argv[1:]

def deadly(call):
    def die(*arguments, **named):
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        call(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return die

class Store(PostgresStore):
    pass

if step == "complete":
    claims.complete = deadly(claims.complete)
elif step == "put":
    outgoing.put = deadly(outgoing.put)
elif step == "commit":
    Store.transact = deadly(PostgresStore.transact)

store = Store(POSTGRES, schema=schema, connections=2)
router = Router(idempotency=store, publisher=Recording())

@router.on("counted")
def count(event: Event[int], connection: Connection) -> Event[int]:
    connection.execute(Effects(table).insert, [event.id])
    return Event.new("booked", 1)

router.process_sync(b'{"event_type": "counted", "payload": 1, "metadata": {"id": "e-7"}}')
"""


@pytest.mark.parametrize(
    ("step", "moment", "is_done"),
    [
        ("complete", "before", False),
        ("complete", "after", False),
        ("put", "before", False),
        ("put", "after", False),
        ("commit", "before", False),
        ("commit", "after", True),
    ],
)
def test_no_kill_leaves_an_effect_without_its_event_or_an_event_without_its_effect(
    step: str, moment: str, is_done: bool
) -> None:
    with schema() as name, effects_table() as effects:
        store = PostgresStore(POSTGRES, schema=name)
        driven(store.count_entries())
        command = [sys.executable, "-c", AT_A_STEP, name, effects.schema, step, moment]

        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9

        assert effects.all() == (["e-7"] if is_done else [])
        assert driven(store.count_outgoing()).ready == is_done
        store.close()
