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
from eventrouter import Event, Headers, Idempotency, MemoryStore, Retry, Router

SAMPLE = SAMPLES[0]

BARE = "no policy"
RETRIED = "retry="
BY_HAND = "anyio.fail_after in the handler"
LIMITED = "timeout="
SET_ASIDE = "dead_letters="
CLAIMED = "idempotency=MemoryStore()"
WATCHED = "publisher=, which gets nothing"
PUBLISHED_BY_HAND = "an event written and published by the handler"
PUBLISHED = "publisher=, which gets an event"


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
        WATCHED: {"publisher": Swallowing()},
        PUBLISHED_BY_HAND: {},
        PUBLISHED: {"publisher": Swallowing()},
    }
    runs: dict[str, Run] = {}
    for name in (*policies, *routers):
        handler = counting(TYPES[SAMPLE.size], Seen())
        router = Router(**routers.get(name, {}))
        if name == BY_HAND:
            handler = limited_by_hand(handler)
        elif name == PUBLISHED_BY_HAND:
            handler = publishing_by_hand(router)
        elif name == PUBLISHED:
            handler = giving()
        router.add_route(SAMPLE.event_type, handler, version=VERSION, **policies.get(name, {}))
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


class Swallowing:
    """A publisher that does nothing."""

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None: ...


def giving() -> Any:
    async def handle(payload: Any) -> Event[Any]:
        return Event.new("benchmark.given", {"number": 1})

    handle.__annotations__["payload"] = TYPES[SAMPLE.size]
    return handle


def publishing_by_hand(router: Router) -> Any:
    publisher = Swallowing()

    async def handle(payload: Any) -> None:
        event = Event.new("benchmark.given", {"number": 1})
        raw, headers = router.write(event)
        await publisher.publish(event, raw, headers)

    handle.__annotations__["payload"] = TYPES[SAMPLE.size]
    return handle


#: Which row is compared with which.
REFERENCES = {
    RETRIED: BARE,
    LIMITED: BY_HAND,
    SET_ASIDE: BARE,
    CLAIMED: BARE,
    WATCHED: BARE,
    PUBLISHED: PUBLISHED_BY_HAND,
}


def lines(table: dict[str, Any]) -> list[str]:
    """The table as text."""
    shown = [f"{'policies':44}{'median':>12}   times", ""]
    for name, taken in table.items():
        reference = REFERENCES.get(name)
        ratio = f"   {taken / table[reference]:.2f} x {reference}" if reference else ""
        shown.append(f"{name:44}{taken * 1e6:9.2f} µs{ratio}")
    return shown
