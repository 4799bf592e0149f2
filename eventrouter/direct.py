"""
Running handlers in the event loop with nothing around them.

What is given back is what ``running`` would give, without what that needs for more: hooks, provided
parameters, threads, groups. The event and the handler's result are made when someone looks at them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

from eventrouter.envelope import Headers
from eventrouter.errors import InvalidPayload, RegistrationError
from eventrouter.event import Event
from eventrouter.json import Raw
from eventrouter.outcome import annotate, settled
from eventrouter.result import HandlerResult, Result, handled
from eventrouter.routing import Route

#: Runs what is to run for an event; the last argument is what arrived.
Run: TypeAlias = Callable[..., Coroutine[Any, Any, Result]]
#: What runs, and its arguments but the last.
Prepared: TypeAlias = tuple[Run, tuple[Any, ...]]
#: Finds what runs for what arrived.
Prepare: TypeAlias = Callable[[Raw, Headers], Prepared]


async def run_lone(
    route: Route, payload: Any, make_event: Callable[[Any], Event[Any]], parts: Any, raw: Raw | None
) -> Result:
    """
    Run the one handler of an event.

    Args:
        route: Of the handler.
        payload: The payload, raw.
        make_event: Makes the event, if anyone looks at it.
        parts: What it is made of.
        raw: What arrived.
    """
    builder = route.builder
    if builder is not None:
        try:
            payload = builder.build(payload, builder.type)
        except Exception as refused:
            event = make_event(parts)
            try:
                payload = builder.explained(event, refused)
            except (InvalidPayload, RegistrationError) as error:
                return settled(event, error, (), (), raw, upcasts=route.upcasts)
    if route.signature.takes_event:
        payload = make_event(parts).with_payload(payload)
    if route.signature.is_async:
        return await run_built(route, payload, make_event, parts, raw)
    return await run_each((route,), payload, make_event, parts, raw)


async def run_built(
    route: Route,
    argument: Any,
    make_event: Callable[[Any], Event[Any]],
    parts: Any,
    raw: Raw | None,
) -> Result:
    """Do what ``run_lone`` does for an async handler, its argument built already."""
    started = perf_counter()
    try:
        value = await route.call(argument)
    except Exception as raised:
        error = raised
    else:
        elapsed = perf_counter() - started
        return handled((make_event, parts, route, value, elapsed), raw)
    elapsed = perf_counter() - started
    return await recover_built(route, argument, make_event, parts, raw, error, elapsed)


async def recover_built(
    route: Route,
    argument: Any,
    make_event: Callable[[Any], Event[Any]],
    parts: Any,
    raw: Raw | None,
    error: Exception,
    elapsed: float,
) -> Result:
    """Go on where ``run_built`` met an error, after so many seconds."""
    event = make_event(parts)
    result = await _recovered(route, argument, event, error, elapsed)
    return settled(event, None, (result,), (), raw, upcasts=route.upcasts)


async def _recovered(
    route: Route, argument: Any, event: Event[Any], error: Exception, elapsed: float
) -> HandlerResult:
    name = route.named.name
    annotate(error, event, name)
    if route.recovery is None:
        return HandlerResult(name, None, error, 1, elapsed)
    call = partial(_call, route, argument)
    return await route.recovery.recovered(name, error, elapsed, call, event, True)


async def _call(route: Route, argument: Any) -> Any:
    value = route.call(argument)
    # A decorator may have hidden that the handler is async.
    if route.signature.is_async or inspect.isawaitable(value):
        value = await value
    return value


def _stopped(end: StopIteration) -> RuntimeError:
    """What Python makes of the error where a coroutine raises it."""
    error = RuntimeError("handler raised StopIteration")
    error.__cause__ = end
    return error


async def run_each(
    routes: Sequence[Route],
    argument: Any,
    make_event: Callable[[Any], Event[Any]],
    parts: Any,
    raw: Raw | None,
) -> Result:
    """Run handlers in the event loop that all take that argument."""
    results: list[HandlerResult] = []
    event: Event[Any] | None = None
    for route in routes:
        name = route.named.name
        started = perf_counter()
        try:
            value = route.call(argument)
            # A decorator may have hidden that the handler is async.
            if route.signature.is_async or inspect.isawaitable(value):
                value = await value
        except Exception as raised:
            error = _stopped(raised) if isinstance(raised, StopIteration) else raised
        else:
            results.append(HandlerResult(name, value, None, 1, perf_counter() - started))
            continue
        elapsed = perf_counter() - started
        event = event or make_event(parts)
        results.append(await _recovered(route, argument, event, error, elapsed))
    if event is not None:
        return settled(event, None, results, (), raw, upcasts=routes[0].upcasts)
    result = handled((make_event, parts), raw)
    result.handlers = tuple(results)
    result.upcasts = routes[0].upcasts
    return result
