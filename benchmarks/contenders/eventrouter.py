"""eventrouter itself: as it comes, without msgspec, and with more than one async handler."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any
from unittest.mock import patch

from benchmarks.contenders.contender import Contender, Open, Seen, at_once, counting
from benchmarks.events import VERSION, Sample
from benchmarks.payloads.classes import CONVERTED_TYPES, TYPES
from benchmarks.rounds import Run, repeated
from eventrouter import CallNext, Event, Result, Router

CONCURRENCY = 100


def without_msgspec(router: Router) -> Router:
    """The router, which from now on finds no msgspec when it compiles its routes."""
    compile_routes = router.compile

    def compile_without() -> None:
        with patch.dict(sys.modules, {"msgspec": None}):  # then importing it is an ImportError
            compile_routes()

    router.compile = compile_without  # type: ignore[method-assign]
    return router


def routed(
    types: Mapping[str, Any] = TYPES,
    *,
    handlers: int = 1,
    adjust: Callable[[Router], Router] = lambda router: router,
) -> Open:
    """A router with that many async handlers, one event after the other."""

    def make(sample: Sample, seen: Seen) -> Run:
        router = adjust(Router())
        for _ in range(handlers):
            router.add_route(sample.event_type, counting(types[sample.size], seen), version=VERSION)
        router.compile()
        return repeated(router.dispatch, sample.raw)

    return at_once(make)


def sync(*, thread: bool) -> Open:
    """A router with a sync handler."""

    def make(sample: Sample, seen: Seen) -> Run:
        def handle(payload: Any) -> None:
            seen.count += 1
            seen.last = payload

        handle.__annotations__["payload"] = TYPES[sample.size]
        router = Router()
        router.add_route(sample.event_type, handle, version=VERSION, thread=thread)
        router.compile()
        return repeated(router.dispatch, sample.raw)

    return at_once(make)


def forwarding(router: Router) -> Router:
    """The router with a middleware that does nothing of its own."""

    @router.middleware
    async def forward(event: Event, call_next: CallNext) -> Result:
        return await call_next(event)

    return router


def many(sample: Sample, seen: Seen) -> Run:
    """A router that is handed the events as a stream."""
    router = Router()
    router.add_route(sample.event_type, counting(TYPES[sample.size], seen), version=VERSION)
    router.compile()
    raw = sample.raw

    async def run(calls: int) -> None:
        async for _ in router.dispatch_many(repeat(raw, calls), concurrency=CONCURRENCY):
            pass

    return run


CONTENDERS = (
    Contender("eventrouter", "eventrouter", routed()),
    Contender("eventrouter, standard library", "eventrouter", routed(adjust=without_msgspec)),
    Contender("eventrouter, a field converter", "eventrouter", routed(CONVERTED_TYPES)),
    Contender("eventrouter, middleware", "eventrouter", routed(adjust=forwarding)),
    Contender(
        "eventrouter, three handlers",
        "eventrouter",
        routed(handlers=3),
        notes=("runs three handlers for each event",),
        handlers=3,
    ),
    Contender("eventrouter, sync handler inline", "eventrouter", sync(thread=False)),
    Contender(
        "eventrouter, sync handler in a thread",
        "eventrouter",
        sync(thread=True),
        notes=("goes to a worker thread and back for each event",),
    ),
    Contender(
        "eventrouter, dispatch_many",
        "eventrouter",
        at_once(many),
        notes=(f"up to {CONCURRENCY} events in flight",),
    ),
)
