"""Running the handlers chosen for one event, isolated from each other, with what is around them."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import nullcontext, suppress
from enum import Enum
from functools import partial
from time import perf_counter
from typing import Any

import anyio
from attrs import define, evolve

from eventrouter.circuit import Circuit
from eventrouter.contexts import in_own_context, in_trio, resolved
from eventrouter.errors import (
    HandlerPaused,
    HandlerTimeout,
    InvalidPayload,
    RegistrationError,
    is_permanent,
)
from eventrouter.event import Event
from eventrouter.groups import Group
from eventrouter.interruption import Interruption
from eventrouter.once import Once, Skipped
from eventrouter.outcome import Outcome, annotate, besides, settled, status_of, summed_up
from eventrouter.providers import Provisions, Source
from eventrouter.publishing import Publishing
from eventrouter.result import HandlerResult, Result, Status
from eventrouter.routing import Route
from eventrouter.scope import After, CallNext, Middleware, Scope
from eventrouter.signature import named
from eventrouter.stores.outgoing import Outgoing
from eventrouter.threads import WorkerThreads, outcome_of
from eventrouter.upcasting import Builder, UpcastPath, build_payloads


class Mode(Enum):
    """Where handlers run."""

    THREADS = "in an event loop, sync handlers in threads"
    INLINE = "in an event loop, sync handlers in it"
    NO_LOOP = "without an event loop, sync handlers only"


@define(eq=False)  # one is made for each event, and a frozen one would take longer to make
class Run:
    """
    One event on its way through its handlers.

    Attributes:
        event: The event as it came, its payload raw.
        error: Why no handler may run, or None; observers run all the same.
        payloads: What was built, by its builder.
        provisions: What was made for its handlers; None if nothing is.
        mode: Where handlers run.
        threads: The threads they may run in.
        path: How the event is upcast for its handlers; None if it is not.
        upcast: What came of that.
        once: What runs each handler once; None if nothing does.
        publishing: What publishes the events that handlers give; None if nothing does.
    """

    event: Event[Any]
    error: Exception | None
    payloads: dict[Builder, Any]
    provisions: Provisions | None
    mode: Mode
    threads: WorkerThreads
    path: UpcastPath | None = None
    upcast: Event[Any] | None = None
    once: Once | None = None
    publishing: Publishing | None = None

    @property
    def upcasts(self) -> tuple[str, ...]:
        """The versions that the payload goes through, if it is upcast."""
        return () if self.path is None else self.path.versions

    @property
    def has_loop(self) -> bool:
        """Whether it runs in an event loop."""
        return self.mode is not Mode.NO_LOOP

    async def awaited(self, answer: Any) -> Any:
        """What a function returned, awaited if it is awaitable, though it did not look so."""
        return await resolved(answer, self.has_loop) if inspect.isawaitable(answer) else answer

    def argument(self, route: Route) -> Any:
        """The first argument of the route's handler: the payload, or the event with it."""
        if route.signature.takes_event:
            return self.event_of(route)
        return self.event.payload if route.builder is None else self.payloads[route.builder]

    def event_of(self, route: Route) -> Event[Any]:
        """The event with the payload as the route's handler has it, and of that version."""
        if route.builder is None:
            return self.event
        event = self.event if self.upcast is None else self.upcast
        return event.with_payload(self.payloads[route.builder])

    def with_event(self, event: Event[Any]) -> Run:
        """The same run of another event, its payload built anew if it is another."""
        if event is self.event:
            return self
        if event.payload is self.event.payload and self.upcast is None:
            return evolve(self, event=event)
        upcast = None
        try:
            if self.upcast is not None and self.path is not None:
                upcast = self.path.upcast(event)
            payloads = build_payloads(self.payloads, event, upcast)
        except InvalidPayload as error:
            return evolve(self, event=event, error=self.error or error)
        return evolve(self, event=event, payloads=payloads, upcast=upcast)


async def run_all(group: Group, run: Run) -> Outcome:
    """
    Run the hooks of the outermost scope, all its members between them, and close what was opened.

    A cancellation passes through, once the after hooks have seen it.
    """
    return await _run_between_hooks(group, run, _run_and_close)


async def _run_group(group: Group, run: Run) -> Outcome:
    return await _run_between_hooks(group, run, _run_members)


async def _run_between_hooks(
    group: Group, run: Run, run_members: Callable[[Group, Run], Awaitable[Outcome]]
) -> Outcome:
    scope = group.scope
    if not scope.before and not scope.after:
        return await run_members(group, run)
    try:
        failure = await _run_before(scope, run)
        if failure is None:
            results, errors = await run_members(group, run)
        else:  # then observers run alone
            results, errors = await run_members(group, evolve(run, error=run.error or failure))
            errors = [failure, *errors]
    except BaseException as interruption:
        await _run_after_interruption(scope.after, run, interruption)
        raise
    error = summed_up(run.error, results, errors)
    return results, errors + await _run_after(scope.after, run, error)


async def _run_and_close(group: Group, run: Run) -> Outcome:
    if run.provisions is None:
        return await _run_members(group, run)
    try:
        results, errors = await _run_members(group, run)
    except BaseException as interruption:
        await run.provisions.close(interruption)
        raise
    try:
        await run.provisions.close(summed_up(run.error, results, errors))
    except Exception as error:
        annotate(error, run.event, "closing what router.provide() opened")
        errors.append(error)
    return results, errors


def composed(middleware: Iterable[Middleware], innermost: CallNext) -> CallNext:
    """The middleware around ``innermost``, the first the outermost."""
    chain = innermost
    for layer in reversed(tuple(middleware)):
        chain = partial(_run_layer, layer, chain)
    return chain


def run_route(route: Route, run: Run) -> Coroutine[Any, Any, HandlerResult]:
    """Run one handler, when it is its turn; what it raises is in the result."""
    return _run_claimed(route, run) if route.in_order is None else _run_in_order(route, run)


async def _run_in_order(route: Route, run: Run) -> HandlerResult:
    assert route.in_order is not None
    assert route.policy.ordered_by is not None
    try:
        key = route.policy.ordered_by(run.event)
        await route.in_order.take(key, run.has_loop)
    except Exception as error:  # of the function, or of a key without a hash
        annotate(error, run.event, f"ordered_by= of {route.named.name}")
        return HandlerResult(route.named.name, None, error, 0, 0.0)
    try:
        return await _run_claimed(route, run)
    finally:
        route.in_order.give(key)


def _run_claimed(route: Route, run: Run) -> Coroutine[Any, Any, HandlerResult]:
    once, publishing = run.once, run.publishing
    if publishing is None:
        if once is None:
            return _run_admitted(route, run)
        return _run_once(route, once, run)
    if once is None:
        return _run_and_publish(route, publishing, run)
    if route.transacted:  # each attempt keeps what it gave
        return _run_once(route, once, run)
    if not publishing.has_outbox:
        return once.run(route.named.name, partial(_run_and_publish, route, publishing, run))
    prepare = partial(_prepared, route, publishing, run)
    return once.run(route.named.name, partial(_run_admitted, route, run), prepare)


async def _run_and_publish(route: Route, publishing: Publishing, run: Run) -> HandlerResult:
    result, outgoing = _prepared(route, publishing, run, await _run_admitted(route, run))
    if not outgoing:
        return result
    return await publishing.publish(result, outgoing, run.event, run.has_loop)


def _prepared(
    route: Route, publishing: Publishing, run: Run, result: HandlerResult
) -> tuple[HandlerResult, list[Outgoing]]:
    event = run.event
    parts: tuple[str | None, ...] | None = None
    if run.once is not None:
        parts = run.once.parts
    elif event.id:
        parts = (event.source, event.id)
    return publishing.prepared(result, event, parts, route.converter)


def _run_once(route: Route, once: Once, run: Run) -> Coroutine[Any, Any, HandlerResult]:
    run_handler = once.run_in_transactions if route.transacted else once.run
    return run_handler(route.named.name, partial(_run_admitted, route, run))


def _run_admitted(route: Route, run: Run) -> Coroutine[Any, Any, HandlerResult]:
    if route.circuit is None:
        return _run_attempts(route, run)
    return _run_unless_paused(route, route.circuit, run)


async def _run_unless_paused(route: Route, circuit: Circuit, run: Run) -> HandlerResult:
    assert route.policy.pause_after is not None
    try:
        entered = circuit.enter()
    except HandlerPaused as paused:
        annotate(paused, run.event, route.named.name)
        return HandlerResult(route.named.name, None, paused, 0, 0.0)
    try:
        result = await _run_attempts(route, run, entered)
    except BaseException:  # it was cancelled, or ends the program
        circuit.undecided(entered)
        raise
    if isinstance(result.value, Skipped):  # it was not called
        circuit.undecided(entered)
    elif result.error is None:
        circuit.succeeded(entered)
    elif is_permanent(result.error):  # which tells of the event, not of the handler
        circuit.undecided(entered)
    else:
        circuit.failed(entered, route.policy.pause_after)
    if isinstance(result.error, HandlerPaused) and result.error.handler == result.handler:
        return evolve(result, attempts=result.attempts - 1)  # the last was refused
    return result


async def _run_attempts(route: Route, run: Run, entered: int | None = None) -> HandlerResult:
    name = route.named.name
    call = _call if entered is None else partial(_call_unless_paused, entered)
    if route.at_a_time is not None:
        call = partial(_call_in_turn, call)
    started = perf_counter()
    try:
        value = await call(route, run)
    except Exception as raised:
        error = raised
    else:
        return HandlerResult(name, value, None, 1, perf_counter() - started)
    elapsed = perf_counter() - started
    annotate(error, run.event, name)
    if route.recovery is None:
        return HandlerResult(name, None, error, 1, elapsed)
    again = partial(_call_again, call, route, run)
    return await route.recovery.recovered(name, error, elapsed, again, run.event, run.has_loop)


async def _run_members(group: Group, run: Run) -> Outcome:
    members = group.members
    if run.error is not None:
        members = tuple(m for m in members if isinstance(m, Group) or m.is_observer)
    if group.is_concurrent and run.has_loop:
        return await _run_concurrently(members, run)
    results: list[HandlerResult] = []
    errors: list[Exception] = []
    for member in members:
        if isinstance(member, Group):
            more_results, more_errors = await _run_member_group(member, run)
            results += more_results
            errors += more_errors
        else:
            work = run_route(member, run)
            # Concurrent, had there been a loop: then each would have a context of its own too.
            results.append(await (in_own_context(work) if group.is_concurrent else work))
    return results, errors


async def _run_concurrently(members: tuple[Route | Group, ...], run: Run) -> Outcome:
    outcomes: list[Outcome] = [([], [])] * len(members)

    async def run_member(index: int, member: Route | Group) -> None:
        if isinstance(member, Group):
            outcomes[index] = await _run_member_group(member, run)
        else:
            outcomes[index] = [await run_route(member, run)], []

    await _provide_ahead(members, run)
    if len(members) == 1 and not in_trio():
        # In a context of its own, as one of several is in its task.
        await in_own_context(run_member(0, members[0]))
    else:
        interruption = Interruption()
        async with anyio.create_task_group() as tasks:
            for index, member in enumerate(members):
                tasks.start_soon(interruption.stopping, tasks, run_member(index, member))
        interruption.raise_again()
    return (
        [result for results, _ in outcomes for result in results],
        [error for _, errors in outcomes for error in errors],
    )


async def _provide_ahead(members: Iterable[Route | Group], run: Run) -> None:
    """Open what handlers ask for in the task that closes it: a cancel scope can't change tasks."""
    if run.provisions is not None:
        run.provisions.keep_failures()
    for member in members:
        if isinstance(member, Route):
            with suppress(Exception):  # raised again when the handler asks for it
                await _further_arguments(member, run)


async def _run_member_group(group: Group, run: Run) -> Outcome:
    if not group.scope.middleware:
        return await _run_group(group, run)
    outcome: Outcome = [], []
    own: list[Result] = []

    async def innermost(event: Event[Any]) -> Result:
        nonlocal outcome
        inner = run.with_event(event)
        outcome = await _run_group(group, inner)
        success = Status.HANDLED if run.once is None else status_of(outcome[0])
        own.append(settled(inner.event, inner.error, *outcome, None, success, run.upcasts))
        if inner.error is not None and inner.error is not run.error:  # of another payload
            outcome = outcome[0], [*outcome[1], inner.error]
        return own[-1]

    try:
        result = await composed(group.scope.middleware, innermost)(run.event)
    except Exception as error:
        return outcome[0], [*outcome[1], error]
    if own and result is own[-1]:
        return outcome
    is_of_handler = any(handler.error is not None for handler in result.handlers)
    errors = [] if result.error is None or is_of_handler else [result.error]
    return list(result.handlers), errors


async def _run_before(scope: Scope, run: Run) -> Exception | None:
    for hook in scope.before:
        try:
            await run.awaited(hook(run.event))
        except Exception as error:
            annotate(error, run.event, named(hook).name)
            return error
    return None


async def _run_after(
    hooks: tuple[After, ...], run: Run, outcome: BaseException | None
) -> list[Exception]:
    errors: list[Exception] = []
    for index, hook in enumerate(hooks):
        try:
            await run.awaited(hook(run.event, outcome))
        except Exception as error:
            annotate(error, run.event, named(hook).name)
            errors.append(error)
        except BaseException as interruption:
            await _run_after_interruption(hooks[index + 1 :], run, interruption)
            raise
    return errors


async def _run_after_interruption(
    hooks: tuple[After, ...], run: Run, interruption: BaseException
) -> None:
    shield = anyio.CancelScope(shield=True) if run.has_loop else nullcontext()
    errors: list[Exception] = []
    with shield:
        errors = await _run_after(hooks, run, interruption)
    for error in errors:
        interruption.add_note(besides(error))


async def _run_layer(layer: Middleware, call_next: CallNext, event: Event[Any]) -> Result:
    result = await layer(event, call_next)
    if isinstance(result, Result):  # pyright: ignore[reportUnnecessaryIsInstance]
        return result
    raise RegistrationError(
        f"the middleware {named(layer)} returned {type(result).__qualname__}; it must return the "
        "Result that call_next(event) gave, or another"
    )


async def _call_again(call: Callable[[Route, Run], Awaitable[Any]], route: Route, run: Run) -> Any:
    if run.provisions is not None:
        run.provisions.forget_failures()
    return await call(route, run)


async def _call_in_turn(
    call: Callable[[Route, Run], Awaitable[Any]], route: Route, run: Run
) -> Any:
    assert route.at_a_time is not None
    await route.at_a_time.take(None, run.has_loop)
    try:
        return await call(route, run)
    finally:
        route.at_a_time.give(None)


async def _call_unless_paused(entered: int, route: Route, run: Run) -> Any:
    assert route.circuit is not None
    route.circuit.refuse_if_paused_since(entered)  # while it waited, for its turn or a retry
    return await _call(route, run)


async def _call(route: Route, run: Run) -> Any:
    first = run.argument(route)
    further = await _further_arguments(route, run) if route.filled else {}
    if route.signature.is_async:
        return await route.call(first, **further)
    call = partial(route.call, first, **further)
    if route.transacted:
        assert run.once is not None
        publishing = run.publishing
        prepare = None if publishing is None else partial(_prepared, route, publishing, run)
        call = partial(run.once.in_transaction, route.named.name, call, route.transacted, prepare)
    if run.mode is Mode.THREADS and route.thread:
        value, error = await _in_thread(partial(outcome_of, call), route, run)
        if error is not None:
            raise error
    elif route.policy.timeout is None:
        value = call()
    else:
        raise RegistrationError(
            f"{route.named} is sync and has a timeout, so it can't be dispatched from sync code, "
            "where it would run in the caller's thread; await router.dispatch(...) instead"
        )
    return await run.awaited(value)  # a decorator may have hidden that the handler is async


async def _in_thread(
    call: Callable[[], tuple[Any, Any]], route: Route, run: Run
) -> tuple[Any, Any]:
    seconds = route.policy.timeout
    if seconds is None:
        return await run.threads.run(call)
    returned = await run.threads.run_or_abandon(call, seconds)
    return (None, HandlerTimeout(route.named.name, seconds)) if returned is None else returned


async def _further_arguments(route: Route, run: Run) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, source in route.filled:
        if source is Source.EVENT:
            arguments[name] = run.event_of(route)
        elif source is Source.METADATA:
            arguments[name] = run.event_of(route).metadata
        elif source is not Source.TRANSACTION:  # which begins where the handler is called
            assert run.provisions is not None
            arguments[name] = await run.provisions.get(source, run.has_loop)
    return arguments
