"""Middleware around what is read straight sees and does what it does around any event."""

from __future__ import annotations

import pickle
from copy import copy
from typing import Any

import pytest
from attrs import evolve, frozen

from eventrouter import CallNext, Event, Result, Router, Status

pytest.importorskip("msgspec")

GOOD = (
    b'{"event_type": "order.paid", "timestamp": "2024-08-20T05:21:19Z", '
    b'"payload": {"cents": 5, "more": [1]}, "metadata": {"id": "e-1"}, "callback": "here"}'
)
WHOLE = {
    "type": "order.paid",
    "payload": {"cents": 5, "more": [1]},
    "metadata": {"id": "e-1"},
    "extensions": {"callback": "here"},
}


@frozen
class Paid:
    cents: int


class Seen:
    def __init__(self) -> None:
        self.payloads: list[Any] = []
        self.events: list[Event[Any]] = []


async def surrounded(middleware: Any, handlers: int = 1) -> tuple[Router, Seen]:
    """A router that has seen an event, so that the next of its type is read straight."""
    router, seen = Router(), Seen()
    for _ in range(handlers):

        async def handle(paid: Paid) -> int:
            seen.payloads.append(paid)
            return paid.cents

        router.on("order.paid")(handle)

    @router.middleware
    async def around(event: Event, call_next: CallNext) -> Result:
        seen.events.append(event)
        result: Result = await middleware(event, call_next)
        return result

    await router.process(GOOD)
    seen.payloads.clear()
    seen.events.clear()
    return router, seen


async def forward(event: Event, call_next: CallNext) -> Result:
    return await call_next(event)


@pytest.mark.anyio
@pytest.mark.parametrize("handlers", [1, 3])
async def test_it_sees_the_whole_event_and_the_handlers_the_payload(handlers: int) -> None:
    router, seen = await surrounded(forward, handlers)

    result = await router.dispatch(GOOD)

    event = seen.events[0]
    assert {name: getattr(event, name) for name in WHOLE} == WHOLE
    assert event.id == "e-1"
    assert event.timestamp.isoformat() == "2024-08-20T05:21:19+00:00"
    assert seen.payloads == [Paid(5)] * handlers
    assert [handler.value for handler in result.handlers] == [5] * handlers
    assert result.event is event
    assert result.raw is GOOD


@pytest.mark.anyio
async def test_an_event_it_replaces_is_built_anew() -> None:
    async def replace(event: Event, call_next: CallNext) -> Result:
        return await call_next(evolve(event, payload={"cents": 7}))

    router, seen = await surrounded(replace)

    result = await router.dispatch(GOOD)

    assert seen.payloads == [Paid(7)]
    assert result.event is not None
    assert result.event.payload == {"cents": 7}


@pytest.mark.anyio
async def test_each_call_has_a_payload_of_its_own() -> None:
    async def twice(event: Event, call_next: CallNext) -> Result:
        await call_next(event)
        return await call_next(event)

    router, seen = await surrounded(twice)

    await router.dispatch(GOOD)

    assert seen.payloads == [Paid(5), Paid(5)]
    assert seen.payloads[0] is not seen.payloads[1]


@pytest.mark.anyio
async def test_a_payload_that_does_not_fit_is_seen_too() -> None:
    router, seen = await surrounded(forward)

    result = await router.process(GOOD.replace(b'"cents": 5', b'"cents": "5"'))

    assert result.status is Status.INVALID
    assert len(seen.events) == 1
    assert seen.payloads == []


@pytest.mark.anyio
async def test_an_event_nobody_looked_at_can_be_copied_compared_and_pickled() -> None:
    router, seen = await surrounded(forward)
    await router.dispatch(GOOD)
    await router.dispatch(GOOD)

    first, second = seen.events

    assert first == second == copy(first) == pickle.loads(pickle.dumps(second))
    with pytest.raises(AttributeError, match="an Event has no attribute 'paylaod'"):
        first.paylaod  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore
