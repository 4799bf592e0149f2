"""One async handler with nothing around it has a way of its own, to the same result."""

from __future__ import annotations

import pickle
from copy import copy
from functools import wraps
from typing import Any

import pytest
from attrs import evolve, frozen

from eventrouter import Event, Result, Router, Status, UnknownType
from eventrouter.event import now

BROKEN = ConnectionError("no database")


@frozen
class Paid:
    cents: int


def no_longer_async(handler: Any) -> Any:
    @wraps(handler)
    def call(paid: Any) -> Any:
        return handler(paid)

    return call


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

    def inline(paid: Paid) -> Any:
        if paid.cents < 0:
            raise BROKEN
        return paid

    @no_longer_async
    async def disguised(paid: Paid) -> Any:
        return inline(paid)

    handlers: dict[str, Any] = {
        "payload": of_payload,
        "event": of_event,
        "raw": of_raw,
        "inline": inline,
        "async in disguise": disguised,
    }
    router.on("order.paid", thread=False)(handlers[kind])
    if not is_lone:
        router.before(lambda event: None)
    return router


def without_time(result: Result) -> Result:
    handlers = tuple(evolve(handler, elapsed=0.0) for handler in result.handlers)
    error = None if result.error is None else repr(result.error)
    return evolve(result, handlers=handlers, error=error)  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["payload", "event", "raw", "inline", "async in disguise"])
@pytest.mark.parametrize("payload", [{"cents": 5}, {"cents": -5}, {"cents": "5"}, None])
async def test_its_result_is_that_of_the_general_way(kind: str, payload: Any) -> None:
    raw = {"event_type": "order.paid", "timestamp": "2024-08-20T05:21:19Z", "payload": payload}

    lone = await router_of(kind, is_lone=True).process(raw)
    general = await router_of(kind, is_lone=False).process(raw)

    assert without_time(lone) == without_time(general)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["payload", "event", "raw", "inline", "async in disguise"])
@pytest.mark.parametrize("payload", [b'{"cents": 5}', b'{"cents": -5}', b'{"cents": "5"}', b"null"])
async def test_in_bytes_its_result_is_that_too(kind: str, payload: bytes) -> None:
    good, raw = (
        b'{"event_type": "order.paid", "timestamp": "2024-08-20T05:21:19Z", "payload": %s}' % of
        for of in (b'{"cents": 5}', payload)
    )
    router = router_of(kind, is_lone=True)
    await router.process(good)  # which shows how events of this type can be read

    lone = await router.process(raw)
    general = await router_of(kind, is_lone=False).process(raw)

    assert without_time(lone) == without_time(general)


RAW = b'{"event_type": "order.paid", "payload": {"cents": 5}, "callback": "https://a.example"}'


async def lone_result() -> Result:
    router = router_of("payload", is_lone=True)
    await router.process(RAW)  # from the second event on, what runs for it is known
    return await router.process(RAW)


@pytest.mark.anyio
async def test_its_event_is_made_once() -> None:
    result = await lone_result()

    assert result.event is result.event
    assert result.event is not None
    assert result.event.payload == {"cents": 5}
    assert result.event.extensions == {"callback": "https://a.example"}


@pytest.mark.anyio
async def test_its_handler_s_result_is_made_once() -> None:
    result = await lone_result()

    assert result.handlers is result.handlers
    assert result.handlers[0].value == Paid(5)
    assert result.handlers[0].elapsed > 0


@pytest.mark.anyio
async def test_the_time_of_reading_is_not_the_time_of_looking() -> None:
    result = await lone_result()
    looked = now()

    assert result.event is not None
    assert result.event.timestamp <= looked


@pytest.mark.anyio
async def test_its_result_can_be_copied_compared_shown_and_pickled() -> None:
    result = await lone_result()

    assert "order.paid" in repr(result)
    assert pickle.loads(pickle.dumps(result)) == result == copy(result) == evolve(result)


@pytest.mark.anyio
async def test_a_misspelt_attribute_is_said_to_be_none() -> None:
    result = await lone_result()

    with pytest.raises(AttributeError, match="a Result has no attribute 'handler'"):
        result.handler  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore


async def observe(event: Event[Any]) -> None: ...


def fail(event: Event[Any]) -> bool:
    raise BROKEN


@pytest.mark.anyio
async def test_an_observer_alone_does_not_make_an_unrouted_event_a_handled_one() -> None:
    router = Router()
    router.on_any(observe)

    result = await router.process(RAW)

    assert result.status is Status.UNROUTED
    assert isinstance(result.error, UnknownType)
    assert len(result.handlers) == 1


@pytest.mark.anyio
async def test_nor_one_that_is_ignored() -> None:
    router = Router(unrouted="ignore")
    router.on_any(observe)

    assert (await router.process(RAW)).status is Status.IGNORED


@pytest.mark.anyio
async def test_nor_one_whose_condition_failed() -> None:
    router = Router()
    router.on_any(observe)
    router.on("order.paid", where=fail)(observe)

    result = await router.process(RAW)

    assert result.status is Status.FAILED
    assert result.error is BROKEN
