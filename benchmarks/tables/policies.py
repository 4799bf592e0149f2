"""What a policy costs where nothing fails and nothing takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import anyio

from benchmarks.contenders.contender import Seen, counting
from benchmarks.events import SAMPLES, VERSION
from benchmarks.payloads.classes import TYPES
from benchmarks.rounds import Run, measure, repeated
from benchmarks.tables.effort import Effort
from eventrouter import Idempotency, MemoryStore, Retry, Router

SAMPLE = SAMPLES[0]

BARE = "no policy"
RETRIED = "retry="
BY_HAND = "anyio.fail_after in the handler"
LIMITED = "timeout="
SET_ASIDE = "dead_letters="
CLAIMED = "idempotency=MemoryStore()"


def results(effort: Effort) -> dict[str, Any]:
    """The median seconds of a dispatch to one async handler, by its policy."""
    return asyncio.run(_measured(effort))


async def _measured(effort: Effort) -> dict[str, Any]:
    return await measure(await _runs(), rounds=effort.rounds, turn=effort.turn)


async def _runs() -> dict[str, Run]:
    policies: dict[str, dict[str, Any]] = {
        BARE: {},
        RETRIED: {"retry": Retry(5, on=ConnectionError)},
        BY_HAND: {},
        LIMITED: {"timeout": 30},
    }
    routers: dict[str, dict[str, Any]] = {
        SET_ASIDE: {"dead_letters": MemoryStore()},
        CLAIMED: {"idempotency": Idempotency(MemoryStore(), key=_numbered())},
    }
    runs: dict[str, Run] = {}
    for name in (*policies, *routers):
        handler = counting(TYPES[SAMPLE.size], Seen())
        router = Router(**routers.get(name, {}))
        router.add_route(
            SAMPLE.event_type,
            limited_by_hand(handler) if name == BY_HAND else handler,
            version=VERSION,
            **policies.get(name, {}),
        )
        await router.dispatch(SAMPLE.raw)  # the first event of a type shows how it is read
        runs[name] = repeated(router.dispatch, SAMPLE.raw)
    return runs


def _numbered() -> Callable[[Any], str]:
    """Gives each event a key of its own, though they are all the same."""
    numbers = count()
    return lambda event: str(next(numbers))


def limited_by_hand(handler: Any) -> Any:
    async def handle(payload: Any) -> None:
        with anyio.fail_after(30):
            await handler(payload)

    handle.__annotations__["payload"] = TYPES[SAMPLE.size]
    return handle


#: Which row is compared with which.
REFERENCES = {RETRIED: BARE, LIMITED: BY_HAND, SET_ASIDE: BARE, CLAIMED: BARE}


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [f"{'policies':44}{'median':>12}   times", ""]
    for name, taken in table.items():
        reference = REFERENCES.get(name)
        ratio = f"   {taken / table[reference]:.2f} x {reference}" if reference else ""
        shown.append(f"{name:44}{taken * 1e6:9.2f} µs{ratio}")
    return shown
