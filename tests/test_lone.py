"""One async handler with nothing around it has a way of its own, to the same result."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve, frozen

from eventrouter import Event, Result, Router

BROKEN = ConnectionError("no database")


@frozen
class Paid:
    cents: int


def router_of(kind: str, is_lone: bool) -> Router:
    router = Router()

    async def of_payload(paid: Paid) -> Any:
        if paid.cents < 0:
            raise BROKEN
        return paid

    async def of_event(event: Event[Paid]) -> Any:
        return await of_payload(event.payload), event

    async def of_raw(payload: Any) -> Any:
        return payload

    handlers: dict[str, Any] = {"payload": of_payload, "event": of_event, "raw": of_raw}
    router.on("order.paid")(handlers[kind])
    if not is_lone:
        router.before(lambda event: None)
    return router


def without_time(result: Result) -> Result:
    handlers = tuple(evolve(handler, elapsed=0.0) for handler in result.handlers)
    error = None if result.error is None else repr(result.error)
    return evolve(result, handlers=handlers, error=error)  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["payload", "event", "raw"])
@pytest.mark.parametrize("payload", [{"cents": 5}, {"cents": -5}, {"cents": "5"}, None])
async def test_its_result_is_that_of_the_general_way(kind: str, payload: Any) -> None:
    raw = {"event_type": "order.paid", "timestamp": "2024-08-20T05:21:19Z", "payload": payload}

    lone = await router_of(kind, is_lone=True).process(raw)
    general = await router_of(kind, is_lone=False).process(raw)

    assert without_time(lone) == without_time(general)
