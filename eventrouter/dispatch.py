"""The way of an event, from raw bytes to a result."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, cast

from attrs import evolve

from eventrouter.contexts import driven, in_event_loop, in_new_loop
from eventrouter.dead_letters import DeadLetters, Selection
from eventrouter.direct import Prepare, Prepared, run_built, run_lone
from eventrouter.direct import Run as DirectRun
from eventrouter.envelope import Body, Envelope, Headers
from eventrouter.envelopes.json import JsonEnvelope, Parts, make_event, read_parts
from eventrouter.errors import (
    EventLoopRunning,
    InvalidPayload,
    MalformedEvent,
    MissingKey,
    RegistrationError,
    listed,
)
from eventrouter.event import Event, now, unmade_event
from eventrouter.groups import Group, make_group
from eventrouter.idempotency import Idempotency
from eventrouter.json import Raw, decode
from eventrouter.limits import Limits
from eventrouter.once import Once
from eventrouter.outcome import annotate, malformed, settled, status_of
from eventrouter.payload import PayloadBuilder
from eventrouter.providers import Provisions
from eventrouter.publishing import Publishing
from eventrouter.recovery import Sleep
from eventrouter.result import Result, Status, with_raw
from eventrouter.routing import Candidates, Route, RouteTable, Tier
from eventrouter.running import Mode, Run, composed, run_all
from eventrouter.scope import CallNext, Scope
from eventrouter.straight import (
    RAW_WAY,
    StraightReader,
    Way,
    cattrs_way,
    installed_msgspec,
    quick_parser,
)
from eventrouter.threads import WorkerThreads
from eventrouter.upcasting import Builder, UpcastPath, build_payloads, make_upcast_builder

_SURROUNDED = "a hook or middleware is around it"
_RUN_ONCE = "a handler runs once for an event"
_PUBLISHED = "what a handler gives is published"
_READ = "_read"  # what an event read straight carries through the middleware
_CACHED = 1_024  # plans kept besides those of exact types and versions


class Plan(NamedTuple):
    """
    What it takes to run some routes together, worked out once.

    Attributes:
        routes: The routes, in order.
        path: How the event is upcast for them, observers apart; None if it is not.
        reached: The same routes, with what builds their payloads along the path.
        group: These with what is wrapped around them.
        builders: What builds their payloads, each once.
        has_provisions: Whether anything is provided to them.
        obstacle: Why they are not all there is, or nothing: run in the event loop, given the
            payload or the event alone, one after the other, with nothing around them but middleware
            of the router.
        lone: The one route, if there is but one and no obstacle.
    """

    routes: tuple[Route, ...]
    path: UpcastPath | None
    reached: tuple[Route, ...]
    group: Group
    builders: tuple[Builder, ...]
    has_provisions: bool
    obstacle: str
    lone: Route | None


class Choice(NamedTuple):
    """
    What runs for an event.

    Attributes:
        plan: The routes; observers alone, if there is an error.
        error: Why no handler can take it, or None.
        success: The status if nothing fails.
        upcast: What the plan's path made of the event, if that took part in the choice.
    """

    plan: Plan
    error: Exception | None = None
    success: Status = Status.HANDLED
    upcast: Event[Any] | None = None


class Dispatcher:
    """
    A router's declarations, compiled.

    Args:
        envelopes: How events may lie in what arrives.
        limits: How much of it is read.
        table: The routes.
        scope: What is wrapped around all of them.
        default_version: The version of an event that carries none.
        ignores_unrouted: Whether an event without a route is no error.
        is_concurrent: Whether the handlers of an event run at once.
        threads: Where its sync handlers run.
        sleep: What waits for another delivery of an event.
        idempotency: How each handler runs once for an event; None if it does not.
        dead_letters: Where events are set aside that were not handled; None if they are not.
        publishing: What publishes the events that handlers give; None if nothing does.
    """

    def __init__(
        self,
        *,
        envelopes: Sequence[Envelope],
        limits: Limits,
        table: RouteTable,
        scope: Scope,
        default_version: str | None,
        ignores_unrouted: bool,
        is_concurrent: bool,
        threads: WorkerThreads,
        sleep: Sleep,
        idempotency: Idempotency | None = None,
        dead_letters: DeadLetters | None = None,
        publishing: Publishing | None = None,
    ) -> None:
        self._envelopes = tuple(envelopes)
        self._only_envelope = self._envelopes[0] if len(self._envelopes) == 1 else None
        self._has_middleware = bool(scope.middleware)
        # The default envelope alone needs no Event to find out what runs for it.
        self._is_plain_json = self._only_envelope.__class__ is JsonEnvelope
        self._limits = limits
        msgspec = installed_msgspec()
        self._has_msgspec = msgspec is not None
        self._parse = quick_parser(msgspec, limits)
        #: What runs for what arrived; with nothing around a lone handler, its payload is built.
        self.prepare: Prepare = self._prepare_json if self._is_plain_json else self._prepare
        self._straight = None
        if msgspec is not None and self._is_plain_json:
            around = self._run_straight if self._has_middleware else None
            self._straight = StraightReader(
                msgspec, limits, self._parse, default_version, around, self.prepare
            )
            self.prepare = self._straight.prepare
        #: Where events are set aside that were not handled; None if they are not.
        self.dead_letters = dead_letters
        if dead_letters is not None:
            self.prepare = partial(self._prepare_to_keep, self.prepare, dead_letters)
        self._table = table
        self._scope = scope
        self._default_version = default_version
        self._ignores_unrouted = ignores_unrouted
        self._is_concurrent = is_concurrent
        self._threads = threads
        self._sleep = sleep
        self._idempotency = idempotency
        self._publishing = publishing
        self._obstacle = _RUN_ONCE if idempotency else _PUBLISHED if publishing else ""
        self._chains: dict[Mode, CallNext] = {
            mode: composed(scope.middleware, partial(self._run, raw=None, mode=mode))
            for mode in Mode
        }
        # (type, version) -> the choice that no condition can change
        self._settled: dict[tuple[str, str | None], Choice] = {}
        # (type, version) -> what conditions choose from
        self._candidates: dict[tuple[str, str | None], Candidates] = {}
        self._most_remembered = _CACHED + 2 * len(table)
        self._plan = lru_cache(_CACHED)(self._make_plan)
        # What builds along a path what a builder builds of its last version.
        self._upcast_builder = cache(make_upcast_builder)
        self._reached = cache(self._make_reached)

    def read(self, raw: Raw, headers: Headers) -> Event[Any]:
        """
        Read the event from what arrived.

        Raises:
            MalformedEvent: If it is no event in any of the envelopes, or over a limit.
        """
        body = Body(raw, self._limits, self._parse)
        try:
            envelope = self._only_envelope or self._envelope_of(body, headers)
            return envelope.read(body, headers)
        except MalformedEvent:
            raise
        except Exception as error:  # an envelope of the user's, on input it did not expect
            raise MalformedEvent(
                f"the envelope could not be read: {type(error).__name__}: {error}"
            ) from error

    def choose(self, event: Event[Any]) -> Choice:
        """What runs for an event."""
        key = (event.type, self.version_of(event))
        return self._settled.get(key) or self._choose(event, *key)

    def key_error(self, choice: Choice, event: Event[Any]) -> Exception | None:
        """Why its handlers can't run once for an event; None if they can, or need not."""
        if self._idempotency is None or choice.error or choice.success is not Status.HANDLED:
            return None
        parts = _parts_or_error(self._idempotency, event)
        return parts if isinstance(parts, Exception) else None

    def version_of(self, event: Event[Any]) -> str | None:
        """The version that routes are matched with."""
        return event.version or self._default_version

    def way_of(self, route: Route, event: Event[Any], choice: Choice) -> Way:
        """How ``process`` reads the payload of an event for one of the chosen routes."""
        key = (event.type, self.version_of(event))
        return self._way_of(route, choice.plan, key, key in self._settled)

    def usual_way_of(self, route: Route) -> Way:
        """How ``process`` reads payloads for a route, unless one more specific is in its way."""
        key, plan, is_settled = self._usual_plan_of(route)
        return self._way_of(route, plan, key, is_settled)

    def refuse_shared_names(self, routes: Iterable[Route]) -> None:
        """
        Refuse handlers of one event that have one name, where each is known by that.

        Raises:
            RegistrationError: If two of them do.
        """
        for route in routes:
            self._usual_plan_of(route)

    def _usual_plan_of(self, route: Route) -> tuple[tuple[str, str | None], Plan, bool]:
        # A pattern is itself a type that it matches, and that no exact route names.
        key = (route.pattern, route.version or self._default_version)
        candidates = self._table.find(*key)
        tiers = (tier for tier in candidates.tiers if route in tier.routes)
        tier = next(tiers, Tier((route,), None))
        is_conditional = candidates.is_conditional or tier.is_conditional
        plan = self._make_plan(tier.routes + candidates.observers, tier.path)
        return key, plan, not is_conditional

    def upcast_from(self, route: Route) -> tuple[str, ...]:
        """The versions that are upcast for a route."""
        return self._table.upcast_from(route)

    def tiers_for(self, event: Event[Any]) -> tuple[Tier, ...]:
        """All routes for the type and version of an event, the most specific first."""
        return self._table.find(event.type, self.version_of(event)).tiers

    def process(self, raw: Raw, headers: Headers) -> Coroutine[Any, Any, Result]:
        """What became of what arrived; raises only what cancels or ends the program."""
        run, arguments = self.prepare(raw, headers)
        return run(*arguments, raw)

    def process_event(
        self, event: Event[Any], raw: Raw | None, mode: Mode = Mode.THREADS
    ) -> Coroutine[Any, Any, Result]:
        """What became of an event that has been read."""
        if self._has_middleware:
            return self._run_middleware(event, raw, mode)
        choice = self.choose(event)
        lone = choice.plan.lone
        if lone is not None:
            return run_lone(lone, event.payload, _itself, event, raw)
        return self._run_choice(choice, event, raw, mode)

    def process_sync(self, raw: Raw, headers: Headers) -> Result:
        """
        What became of what arrived, without an event loop where no handler needs one.

        Raises:
            EventLoopRunning: If an event loop runs in this thread.
        """
        refuse_running_loop()
        if self.dead_letters is None:
            return self._process_sync(raw, headers)
        received = now()
        result = self._process_sync(raw, headers)
        return driven(self.dead_letters.keep(result, raw, headers, received, False))

    async def replay(self, raw: Raw, headers: Headers, selection: Selection) -> Result:
        """
        What became of an event, run again for some of its handlers.

        Raises:
            RegistrationError: If less would run than was selected.
        """
        try:
            event = self.read(raw, headers)
        except MalformedEvent as error:
            return malformed(error, raw)
        self.narrowed(self.choose(event), selection)  # middleware is not to see it refused
        run = partial(self._run_selected, selection, raw)
        return await self._run_chain(composed(self._scope.middleware, run), event, raw)

    def narrowed(self, choice: Choice, selection: Selection) -> Choice:
        """
        The choice without the handlers that are not selected.

        Raises:
            RegistrationError: If less would run than was selected.
        """
        plan = choice.plan
        names = frozenset(route.named.name for route in plan.routes)
        # Of an event that no handler can take, its observers say nothing about those it was for.
        running = names - selection.but if choice.error is not None else selection.of(names)
        routes = tuple(route for route in plan.routes if route.named.name in running)
        return choice._replace(plan=self._plan(routes, plan.path))

    def _process_sync(self, raw: Raw, headers: Headers) -> Result:
        try:
            event = self.read(raw, headers)
        except MalformedEvent as error:
            return malformed(error, raw)
        if not self._has_middleware:
            choice = self.choose(event)
            if choice.plan.group.is_sync:
                return driven(self._run_choice(choice, event, raw, Mode.NO_LOOP))
        return in_new_loop(self.process_event, event, raw, Mode.INLINE)

    def _prepare_to_keep(
        self, prepare: Prepare, dead_letters: DeadLetters, raw: Raw, headers: Headers
    ) -> Prepared:
        return self._process_and_keep, (prepare, dead_letters, headers)

    async def _process_and_keep(
        self, prepare: Prepare, dead_letters: DeadLetters, headers: Headers, raw: Raw
    ) -> Result:
        received = now()
        run, arguments = prepare(raw, headers)
        result = await run(*arguments, raw)
        if result.error is None:
            return result
        return await dead_letters.keep(result, raw, headers, received, True)

    def _prepare(self, raw: Raw, headers: Headers) -> Prepared:
        return self._process, (headers,)

    def _prepare_json(self, raw: Raw, headers: Headers) -> Prepared:
        try:
            parts = read_parts(decode(raw, self._limits, self._parse), self._limits)
        except MalformedEvent as error:
            return _refuse, (error,)
        event_type, metadata, payload, _, _ = parts
        choice = self._settled.get((event_type, metadata.get("version") or self._default_version))
        route = None if choice is None else choice.plan.lone
        if route is None or self._has_middleware:
            return self._process_parts, (parts,)
        builder = route.builder
        if builder is None or route.signature.takes_event or not route.signature.is_async:
            return run_lone, (route, payload, make_event, parts)
        try:
            argument = builder.build(payload, builder.type)
        except Exception:  # said there
            return run_lone, (route, payload, make_event, parts)
        return run_built, (route, argument, make_event, parts)

    async def _process(self, headers: Headers, raw: Raw) -> Result:
        try:
            event = self.read(raw, headers)
        except MalformedEvent as error:
            return malformed(error, raw)
        return await self.process_event(event, raw)

    async def _process_parts(self, parts: Parts, raw: Raw) -> Result:
        return await self.process_event(make_event(parts), raw)

    def _run_middleware(
        self, event: Event[Any], raw: Raw | None, mode: Mode
    ) -> Coroutine[Any, Any, Result]:
        return self._run_chain(self._chains[mode], event, raw)

    async def _run_chain(self, chain: CallNext, event: Event[Any], raw: Raw | None) -> Result:
        try:
            result = await chain(event)
        except Exception as error:
            annotate(error, event, "middleware")
            return Result(Status.FAILED, event, (), error, raw)
        return result if result.raw is raw else with_raw(result, raw)

    async def _run_straight(
        self,
        event_type: str,
        run: DirectRun,
        target: Any,
        payload: Any,
        make_event: Callable[[Any], Event[Any]],
        parts: Any,
        raw: Raw,
    ) -> Result:
        event = unmade_event(event_type, make_event, parts)
        event.__dict__[_READ] = (run, target, payload, raw)
        return await self._run_middleware(event, raw, Mode.THREADS)

    async def _run(self, event: Event[Any], raw: Raw | None, mode: Mode) -> Result:
        # Of the very event that was read straight, and once: each call has a payload of its own.
        read = event.__dict__.pop(_READ, None)
        if read is not None:
            run, target, payload, arrived = read
            return cast(Result, await run(target, payload, _itself, event, arrived))
        choice = self.choose(event)
        if choice.plan.lone is not None:
            return await run_lone(choice.plan.lone, event.payload, _itself, event, raw)
        return await self._run_choice(choice, event, raw, mode)

    async def _run_selected(self, selection: Selection, raw: Raw, event: Event[Any]) -> Result:
        choice = self.narrowed(self.choose(event), selection)
        return await self._run_choice(choice, event, raw, Mode.THREADS)

    async def _run_choice(
        self, choice: Choice, event: Event[Any], raw: Raw | None, mode: Mode
    ) -> Result:
        plan, error, success, upcast = choice
        payloads: dict[Builder, Any] = {}
        if error is None:
            try:
                if plan.path is not None and upcast is None:
                    upcast = plan.path.upcast(event)
                payloads = build_payloads(plan.builders, event, upcast)
            except (InvalidPayload, RegistrationError) as unfit:
                error = unfit
        once = None
        # What no handler takes may be seen by observers each time, and needs no key.
        if self._idempotency is not None and error is None and success is Status.HANDLED:
            parts = _parts_or_error(self._idempotency, event)
            if isinstance(parts, Exception):
                error = parts
            else:
                has_loop = mode is not Mode.NO_LOOP
                once = Once(self._idempotency, event, parts, self._sleep, has_loop)
        provisions = Provisions(event) if plan.has_provisions else None
        run = Run(
            event,
            error,
            payloads,
            provisions,
            mode,
            self._threads,
            plan.path,
            upcast,
            once,
            self._publishing,
        )
        results, errors = await run_all(plan.group, run)
        if once is not None:
            success = status_of(results)
        return settled(event, error, results, errors, raw, success, run.upcasts)

    def _choose(self, event: Event[Any], event_type: str, version: str | None) -> Choice:
        key = (event_type, version)
        candidates = self._candidates.get(key)
        if candidates is None:
            candidates = self._table.find(event_type, version)
            if candidates.tiers or candidates.fallbacks:
                self._remember(key, candidates)
                if not candidates.is_conditional:
                    return self._settled[key]
        for tier in candidates.tiers:
            try:
                seen, upcast = tier.seen(event)
            except (InvalidPayload, RegistrationError) as error:
                return self._observed(candidates, error)
            try:
                taking = tuple(route for route in tier.routes if route.takes(seen))
            except Exception as error:
                annotate(error, event, "a where= predicate")
                return self._observed(candidates, error)
            if taking:
                plan = self._plan(taking + candidates.observers, tier.path)
                return Choice(plan, upcast=upcast)
        if candidates.fallbacks:
            return Choice(self._plan(candidates.fallbacks + candidates.observers, None))
        if self._ignores_unrouted:
            return self._observed(candidates, None, Status.IGNORED)
        return self._observed(candidates, self._table.unrouted(event_type, version))

    def _observed(
        self, candidates: Candidates, error: Exception | None, success: Status = Status.HANDLED
    ) -> Choice:
        # What a lone observer does is not all that becomes of the event.
        plan = self._plan(candidates.observers, None)._replace(lone=None)
        return Choice(plan, error, success)

    def _remember(self, key: tuple[str, str | None], candidates: Candidates) -> None:
        if len(self._settled) + len(self._candidates) >= self._most_remembered:
            self._settled.clear()  # whoever makes up types must not make memory grow
            self._candidates.clear()
        if candidates.is_conditional:
            self._candidates[key] = candidates
        else:
            first = candidates.tiers[0] if candidates.tiers else Tier(candidates.fallbacks, None)
            plan = self._make_plan(first.routes + candidates.observers, first.path)
            self._settled[key] = Choice(plan)
            if self._straight is not None and not plan.obstacle:
                self._straight.add(*key, plan.reached)

    def _way_of(
        self, route: Route, plan: Plan, key: tuple[str, str | None], is_settled: bool
    ) -> Way:
        if route.builder is None and (plan.path is None or route.is_observer):
            return RAW_WAY
        if not self._has_msgspec:
            return cattrs_way("msgspec is not installed")
        if self._straight is None:
            return cattrs_way("JsonEnvelope is not the only envelope")
        if not is_settled:
            return cattrs_way("a where= is asked first")
        if plan.obstacle:
            return cattrs_way(plan.obstacle)
        return self._straight.way_of(*key, plan.reached)

    def _make_plan(self, routes: tuple[Route, ...], path: UpcastPath | None) -> Plan:
        routes = reached = tuple(sorted(routes, key=lambda route: route.order))
        if self._idempotency is not None or self._publishing is not None:
            _refuse_shared_names(routes)
        if path is not None:
            reached = tuple(self._reached(route, path) for route in routes)
        group = make_group(reached, self._scope, self._is_concurrent)
        builders = dict.fromkeys(route.builder for route in reached if route.builder is not None)
        has_provisions = any(route.filled for route in routes)
        obstacle = _obstacle(reached, group) or self._obstacle
        lone = reached[0] if len(routes) == 1 and not obstacle else None
        return Plan(routes, path, reached, group, tuple(builders), has_provisions, obstacle, lone)

    def _make_reached(self, route: Route, path: UpcastPath) -> Route:
        if route.is_observer:
            return route
        builder = self._upcast_builder(path, cast("PayloadBuilder | None", route.builder))
        return evolve(route, builder=builder, upcasts=path.versions)

    def _envelope_of(self, body: Body, headers: Headers) -> Envelope:
        fitting = [envelope for envelope in self._envelopes if envelope.fits(body, headers)]
        if len(fitting) == 1:
            return fitting[0]
        names = listed([type(envelope).__name__ for envelope in fitting or self._envelopes])
        if fitting:
            raise MalformedEvent(f"it fits several envelopes, which is ambiguous: {names}")
        raise MalformedEvent(f"it fits none of the envelopes {names}")


def _parts_or_error(
    idempotency: Idempotency, event: Event[Any]
) -> tuple[str | None, ...] | Exception:
    try:
        return idempotency.parts_of(event)
    except MissingKey as missing:
        return missing
    except Exception as error:
        annotate(error, event, "key= of Idempotency")
        return error


def _refuse_shared_names(routes: Iterable[Route]) -> None:
    seen: dict[str, Route] = {}
    for route in routes:
        other = seen.setdefault(route.named.name, route)
        if other is not route:
            raise RegistrationError(
                f"{other.named} and {route.named} take the same events under one name, by which "
                "Router(idempotency=...) knows whether a handler ran, and Router(publisher=...) "
                "what it gave; give each its own"
            )


def _obstacle(routes: tuple[Route, ...], group: Group) -> str:
    """Why routes do not all run in the loop, given one argument; nothing if they do."""
    if not routes:
        return "no handler runs"
    if group.members != routes or group.scope.before or group.scope.after:
        return _SURROUNDED
    if group.is_concurrent:
        return "the router is concurrent"
    if any(route.thread and not route.signature.is_async for route in routes):
        return f"{_who(routes)} runs in a thread"
    if any(route.in_order or route.at_a_time for route in routes):
        return f"{_who(routes)} has concurrency= or ordered_by="
    if any(route.circuit for route in routes):
        return f"{_who(routes)} has pause_after="
    upcast = [route for route in routes if route.upcasts]
    if upcast and len(upcast) < len(routes):
        return "an observer sees the event before it is upcast"
    if any(route.signature.takes_event for route in upcast):
        return "an event that is upcast is asked for, not the payload alone"
    if any(route.filled for route in routes):
        return f"{_who(routes)} has further parameters"
    return ""


def _who(routes: tuple[Route, ...]) -> str:
    return "the handler" if len(routes) == 1 else "one of its handlers"


async def _refuse(error: MalformedEvent, raw: Raw) -> Result:
    return malformed(error, raw)


def _itself(event: Event[Any]) -> Event[Any]:
    return event


def refuse_running_loop() -> None:
    """
    Refuse to block an event loop.

    Raises:
        EventLoopRunning: If one runs in this thread.
    """
    if in_event_loop():
        raise EventLoopRunning(
            "an event loop runs in this thread, and would be blocked: "
            "await router.dispatch(...) or router.process(...) instead"
        )
