"""taskiq: its in-memory broker, and the receiver behind it alone."""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import from_json
from taskiq import InMemoryBroker

from benchmarks.contenders.contender import Contender, Seen, counting
from benchmarks.events import Sample
from benchmarks.payloads.models import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


def broker_for(sample: Sample, seen: Seen) -> InMemoryBroker:
    logging.getLogger("taskiq").setLevel(logging.WARNING)
    broker = InMemoryBroker(await_inplace=True)
    count = counting(TYPES[sample.size], seen)

    async def handle(event: Any) -> None:
        await count(event.payload)

    handle.__annotations__["event"] = EVENTS[sample.size]
    broker.register_task(handle, task_name=sample.event_type)
    return broker


@asynccontextmanager
async def in_memory(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
    broker = broker_for(sample, seen)
    await broker.startup()
    tasks = broker.get_all_tasks()

    async def dispatch(raw: bytes) -> None:
        event = from_json(raw)
        await tasks[event["event_type"]].kiq(event)

    yield repeated(dispatch, sample.raw)
    await broker.shutdown()


@asynccontextmanager
async def receiver_alone(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
    broker = broker_for(sample, seen)
    await broker.startup()
    message = {
        "task_id": "059f36b487a344ab83d2661975830a7d",
        "task_name": sample.event_type,
        "labels": {},
        "labels_types": {},
        "args": [json.loads(sample.raw)],
        "kwargs": {},
    }
    yield repeated(broker.receiver.callback, json.dumps(message).encode())
    await broker.shutdown()


STORES = "keeps the last 100 results"

CONTENDERS = (
    Contender(
        "taskiq, in-memory broker",
        "framework",
        in_memory,
        notes=(STORES, "writes the event as a task's message and reads it back"),
    ),
    Contender(
        "taskiq, receiver alone",
        "framework",
        receiver_alone,
        notes=(STORES, "the event as the argument of a task's message"),
    ),
)
