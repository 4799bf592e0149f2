"""The router: what is declared on it, and the ways to hand it an event."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from time import perf_counter
from typing import Any, Literal, NamedTuple, TypeVar, overload
from weakref import WeakSet

import anyio
from cattrs import Converter
from typing_extensions import Unpack

from eventrouter.chains import Chains, duplicate
from eventrouter.conditions import Where, read_condition
from eventrouter.converter import make_converter
from eventrouter.dead_letters import DeadLetters, selected
from eventrouter.direct import recover_built, run_built
from eventrouter.dispatch import Dispatcher
from eventrouter.envelope import NO_HEADERS, Envelope, Headers
from eventrouter.envelopes.json import JsonEnvelope
from eventrouter.errors import MalformedEvent, RegistrationError, UnroutedEvent, is_whole
from eventrouter.event import Event
from eventrouter.explanation import Explanation, explained
from eventrouter.idempotency import Idempotency, as_idempotency
from eventrouter.json import DEFAULT_LIMITS, Raw
from eventrouter.limits import Limits
from eventrouter.patterns import Specificity, specificity
from eventrouter.payload import PayloadConverter
from eventrouter.policy import (
    UNSET,
    HandlerSettings,
    OrderedBy,
    OrderedBySetting,
    PauseAfterSetting,
    RetrySetting,
    Settings,
    TimeoutSetting,
)
from eventrouter.providers import Provider, Source, make_provider
from eventrouter.publishing import Publisher, Publishing, checked_publisher
from eventrouter.recovery import Sleep
from eventrouter.registration import Registration, Role, Signatures, UpcasterRegistration
from eventrouter.result import Result, handled
from eventrouter.routing import Route, RouteTable
from eventrouter.scope import After, Before, Middleware, Scope
from eventrouter.signature import (
    AnyHandler,
    is_async,
    named,
    refuse_generator,
    refuse_uncallable,
    takes,
)
from eventrouter.stores.claims import IdempotencyStore
from eventrouter.stores.letters import DeadLetter, DeadLetterStore
from eventrouter.stores.outgoing import OutboxStore
from eventrouter.straight import Way
from eventrouter.stream import Delivered, process_many
from eventrouter.threads import WorkerThreads
from eventrouter.upcasters import Upcaster
from eventrouter.writing import written

H = TypeVar("H", bound=AnyHandler)
B = TypeVar("B", bound=Before)
A = TypeVar("A", bound=After)
M = TypeVar("M", bound=Middleware)


class _Inclusion(NamedTuple):
    router: Router
    prefix: str


class _Surroundings(NamedTuple):
    """What is around a router where it is included."""

    prefix: str
    scopes: tuple[Scope, ...]
    providers: tuple[Mapping[Any, Provider | Source], ...]  # the innermost first
    settings: Settings

    def provider_of(self, target: Any) -> Provider | Source | None:
        return next((p[target] for p in self.providers if target in p), None)


class Router:
    """
    Finds the handlers of an event, and runs them.

    Args:
        envelope: How an event lies in what arrives, or several ways; each event must fit one
            alone. ``JsonEnvelope`` unless given.
        converter: What builds payloads, made by ``make_converter()`` or your own.
        limits: How much of what arrives is read before it is refused.
        default_version: The version of an event that carries none. Without it, such an event is
            taken by handlers without a version only.
        unrouted: What an event without a route is: an error (``"raise"``), or nothing to do
            (``"ignore"``).
        concurrent: Whether the handlers of one event run at the same time, each with a copy of
            the context variables; else they run one after the other.
        max_threads: How many sync handlers run at the same time in worker threads.
        retry: When handlers that failed are called again, unless they say so themselves.
        timeout: How long a call of a handler may take, in seconds, unless it says so itself. None
            for as long as it likes.
        ordered_by: Gives a key for an event, its payload raw; of the events of one key, each
            handler handles one after the other, unless it says so itself. None for no order.
        pause_after: For how many events in a row a handler fails before it is paused, unless it
            says so itself. None for never.
        max_abandoned: How many threads left behind by sync handlers may still run, before no other
            handler with ``abandon=True`` is started.
        sleep: What waits so many seconds before a retry; tests give one that takes no time.
        idempotency: Where it is kept which handlers ran for which events, so that each runs once;
            a store, or ``Idempotency(store, ...)``. None for at every delivery.
        dead_letters: The store where an event is set aside that no handler can take, or that
            failed past its handlers' last attempt. None if whoever delivers it keeps it.
        publisher: Who takes the events that handlers return or yield. None if they are in the
            results alone.

    Raises:
        RegistrationError: If a setting can't work.
    """

    def __init__(
        self,
        *,
        envelope: Envelope | Sequence[Envelope] | None = None,
        converter: Converter | None = None,
        limits: Limits = DEFAULT_LIMITS,
        default_version: str | None = None,
        unrouted: Literal["raise", "ignore"] = "raise",
        concurrent: bool = False,
        max_threads: int = 40,
        retry: RetrySetting = UNSET,
        timeout: TimeoutSetting = UNSET,
        ordered_by: OrderedBySetting = UNSET,
        pause_after: PauseAfterSetting = UNSET,
        max_abandoned: int = 10,
        sleep: Sleep = anyio.sleep,
        idempotency: Idempotency | IdempotencyStore | None = None,
        dead_letters: DeadLetterStore | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        if unrouted not in ("raise", "ignore"):
            raise RegistrationError(f"unrouted={unrouted!r}: it is 'raise' or 'ignore'")
        if max_threads < 1:
            raise RegistrationError(f"max_threads={max_threads}: at least one is needed")
        if not is_whole(max_abandoned) or max_abandoned < 0:
            raise RegistrationError(f"max_abandoned={max_abandoned!r}: it is 0 or more")
        self._envelopes = _as_sequence(envelope)
        self._converter = PayloadConverter(converter or make_converter(limits=limits))
        self._limits = limits
        self._default_version = _checked_version(default_version)
        self._ignores_unrouted = unrouted == "ignore"
        self._is_concurrent = concurrent
        self._threads = WorkerThreads(max_threads, max_abandoned)
        self._settings = Settings(retry, timeout, ordered_by=ordered_by, pause_after=pause_after)
        self._sleep = sleep
        self._idempotency = as_idempotency(idempotency)
        self._dead_letters = None if dead_letters is None else DeadLetters(dead_letters)
        self._publisher = checked_publisher(publisher)
        self._signatures = Signatures(self._converter)
        # In the order they were declared; handlers run in this order.
        self._declared: list[Registration | _Inclusion] = []
        self._keys: dict[tuple[Role, str, str | None], list[Registration]] = {}
        # By event type and the version they take, as they were declared.
        self._upcasters: dict[tuple[str, str], UpcasterRegistration] = {}
        self._orders: dict[str, tuple[str, ...]] = {}
        self._before: list[Before] = []
        self._after: list[After] = []
        self._middleware: list[Middleware] = []
        self._providers: dict[Any, Provider] = {}
        self._parents: WeakSet[Router] = WeakSet()
        self._compiled: Dispatcher | None = None
        self._routes: tuple[Route, ...] = ()
        self._chains = Chains((), {})

    @property
    def limits(self) -> Limits:
        """How much of what arrives is read before it is refused."""
        return self._limits

    @property
    def abandoned_threads(self) -> int:
        """How many threads were left behind by handlers with ``abandon=True``, and still run."""
        return self._threads.abandoned

    @property
    def publisher(self) -> Publisher | None:
        """
        Who takes the events that handlers return or yield, or None.

        It may be set at any time, and counts for what is dispatched from then on. That of a router
        that is included does not count.

        Raises:
            RegistrationError: If what it is set to can't publish.
        """
        return self._publisher

    @publisher.setter
    def publisher(self, publisher: Publisher | None) -> None:
        self._publisher = checked_publisher(publisher)
        self._changed()

    @property
    def outbox_store(self) -> OutboxStore | None:
        """Where events wait to be published by an ``Outbox``, or None if they are at once."""
        store = None if self._idempotency is None else self._idempotency.store
        return store if isinstance(store, OutboxStore) else None

    # Declaring

    def on(
        self,
        type: str,
        *,
        version: str | None = None,
        where: Where | None = None,
        thread: bool = True,
        retry: RetrySetting = UNSET,
        timeout: TimeoutSetting = UNSET,
        abandon: bool = False,
        concurrency: int | None = None,
        ordered_by: OrderedBySetting = UNSET,
        pause_after: PauseAfterSetting = UNSET,
    ) -> Callable[[H], H]:
        """
        Register the decorated function for events; it stays the function it was.

        Its first parameter is the payload, or the event if annotated ``Event[...]``. Further
        parameters are filled by their annotations: ``Event``, ``Metadata``, what ``provide`` was
        told of, and with an idempotency store that has such, the connection of the transaction in
        which the event is remembered as handled.

        Args:
            type: The event's type, or a pattern: ``*`` is one segment, ``**`` any number.
            version: The event's version; None takes any that has no handler of its own.
            where: What else an event must meet: values by path into the payload, or after
                ``metadata.`` into the metadata, where a set means any of its values; or a
                predicate on the event.
            thread: Whether a sync function runs in a worker thread; else it runs in the event
                loop. Async functions always do.
            retry: When it is called again if it fails; None for never. The router's, unless given.
            timeout: How long each call of it may take, in seconds; then it is cancelled, and fails
                with ``HandlerTimeout``. None for as long as it likes. The router's, unless given.
            abandon: Whether a sync function that takes longer is left behind, running on in its
                thread, as no thread can be stopped. Without it, it can't have a timeout.
            concurrency: How many calls of it run at a time, whichever thread or event loop they
                are in; others wait. A handler left behind does not count. None for any number.
            ordered_by: Gives a key for an event, its payload raw; of the events of one key, it
                handles one after the other, retries included, in the order they reach it. None
                for no order. The router's, unless given.
            pause_after: For how many events in a row it fails, for what may pass, before it is
                paused. Then it is not called for 30 seconds, and fails with ``HandlerPaused``,
                which is never set aside. After that, one event tells whether it goes on, or is
                paused for twice as long, up to 10 minutes. None for never. The router's, unless
                given.

        Raises:
            RegistrationError: If the function or an argument can't work.
        """
        settings = Settings(retry, timeout, abandon, concurrency, ordered_by, pause_after)

        def register(handler: H) -> H:
            self._add_route(type, handler, version, where, thread, settings)
            return handler

        return register

    def add_route(
        self,
        type: str,
        handler: AnyHandler,
        *,
        version: str | None = None,
        where: Where | None = None,
        thread: bool = True,
        **settings: Unpack[HandlerSettings],
    ) -> None:
        """
        Register a function for events, as ``on`` does.

        Raises:
            RegistrationError: If the function or an argument can't work.
        """
        self._add_route(type, handler, version, where, thread, Settings(**settings))

    def upcast(self, type: str, source: str, target: str) -> Callable[[H], H]:
        """
        Register the decorated function to make a later version of a payload; it stays as it was.

        It is a plain function of the older payload, annotated with the types of both, where raw
        JSON is a ``dict[str, Any]``. Annotated to return ``tuple[Newer, Mapping[str, str]]``, it
        returns changes of the metadata beside the payload. It must not change what it is given.

        An event goes through as many of these as it takes to reach the nearest version that has a
        handler. Handlers of its own version go before all others.

        Args:
            type: The event's type; no pattern.
            source: The version that the function takes; one function a version.
            target: The version that it returns.

        Raises:
            RegistrationError: If the function or an argument can't work. ``compile`` raises it
                where upcasters go round in a circle, lead to no handler, or don't fit together.
        """

        def register(upcaster: H) -> H:
            registration = UpcasterRegistration(
                _checked_type(type),
                _named_version(source),
                _named_version(target),
                upcaster,
                self._signatures,
            )
            other = self._upcasters.setdefault((type, source), registration)
            if other is not registration:
                raise duplicate(type, source, other.named, registration.named)
            self._changed()
            return upcaster

        return register

    def versions(self, type: str, order: Iterable[str]) -> None:
        """
        Tell in which order the versions of a type came, so that one can be said to be newer.

        ``UnknownVersion.is_newer`` is told by it. Nothing else is: which version leads to which
        is for ``upcast`` to say.

        Args:
            type: The event's type; no pattern.
            order: The versions, the oldest first.

        Raises:
            RegistrationError: If the type has an order already, or an argument can't work.
                ``compile`` raises it where an upcaster goes back in that order.
        """
        versions = () if isinstance(order, str) else tuple(map(_named_version, order))
        if not versions or len(set(versions)) < len(versions):
            raise RegistrationError(
                f"versions({type!r}, {order!r}): it is a list of versions, the oldest first, each "
                "once"
            )
        if self._orders.setdefault(_checked_type(type), versions) is not versions:
            raise RegistrationError(f"the versions of {type!r} are declared already")
        self._changed()

    @overload
    def on_any(self, handler: H, /) -> H: ...
    @overload
    def on_any(
        self,
        /,
        *,
        thread: bool = True,
        **settings: Unpack[HandlerSettings],
    ) -> Callable[[H], H]: ...
    def on_any(
        self,
        handler: Any = None,
        /,
        *,
        thread: bool = True,
        **settings: Unpack[HandlerSettings],
    ) -> Any:
        """
        Register an observer: it sees every event, also those that no handler takes.

        The arguments are those of ``on``.

        Raises:
            RegistrationError: If its first parameter is neither ``Event`` nor ``Any``.
        """
        return self._registering(Role.OBSERVER, handler, thread, Settings(**settings))

    @overload
    def fallback(self, handler: H, /) -> H: ...
    @overload
    def fallback(
        self,
        /,
        *,
        thread: bool = True,
        **settings: Unpack[HandlerSettings],
    ) -> Callable[[H], H]: ...
    def fallback(
        self,
        handler: Any = None,
        /,
        *,
        thread: bool = True,
        **settings: Unpack[HandlerSettings],
    ) -> Any:
        """
        Register a handler for the events that no other takes.

        Of several, that of the included router with the longest prefix runs. The arguments are
        those of ``on``.

        Raises:
            RegistrationError: If the router has one, or the function can't work.
        """
        return self._registering(Role.FALLBACK, handler, thread, Settings(**settings))

    def before(self, hook: B) -> B:
        """
        Register a function to call with each event before its handlers.

        If it raises, they don't run.

        Raises:
            RegistrationError: If it does not take the event alone.
        """
        self._add_hook(self._before, hook, 1, "the event")
        return hook

    def after(self, hook: A) -> A:
        """
        Register a function to call after the handlers with the event and the error or None.

        It is called whatever happened: for unrouted and invalid events, and when cancelled.

        Raises:
            RegistrationError: If it does not take these two.
        """
        self._add_hook(self._after, hook, 2, "the event and the error or None")
        return hook

    def middleware(self, middleware: M) -> M:
        """
        Register ``async def m(event, call_next) -> Result`` to run around all the rest.

        The first registered is the outermost. On an included router it runs around the handlers
        of that router only.

        Raises:
            RegistrationError: If it is not async, or does not take these two.
        """
        if not is_async(middleware):
            raise RegistrationError(
                f"{named(middleware)} must be async: async def m(event, call_next)"
            )
        self._add_hook(self._middleware, middleware, 2, "the event and call_next")
        return middleware

    def provide(self, type: Any, factory: Any) -> None:
        """
        Tell where handlers' parameters of a type come from.

        Args:
            type: What the parameter is annotated with.
            factory: The value; or a function of no argument, or of the event, that makes it,
                sync or async. If what it makes is a context manager, sync or async, it is
                entered, and closed after the dispatch with the error or None. It is called once
                a dispatch, if a handler asks for it.

        Raises:
            RegistrationError: If the type is provided already, or the factory can't work.
        """
        if not isinstance(type, Hashable):
            raise RegistrationError(f"{type!r} is no type that parameters can be found by")
        if type in self._providers:
            raise RegistrationError(f"{type!r} is provided already")
        self._providers[type] = make_provider(type, factory)
        self._changed()

    def include(self, router: Router, *, prefix: str = "") -> None:
        """
        Take in another router's handlers, hooks and providers, now and whenever it gets more.

        Its hooks and middleware run around its own handlers, its observers and fallback see
        events under the prefix, its converter builds its payloads. Its ``retry``, ``timeout``,
        ``ordered_by`` and ``pause_after`` go before those of this one; its other settings don't
        count here.

        Args:
            router: The router.
            prefix: What the types of its events begin with here: ``"billing."``.

        Raises:
            RegistrationError: If it includes this one, or the prefix does not end with a dot.
        """
        is_whole = prefix.endswith(".") and all(prefix[:-1].split("."))
        if prefix and (not is_whole or "*" in prefix):
            raise RegistrationError(f"prefix={prefix!r}: it is whole segments, such as 'billing.'")
        if not isinstance(router, Router):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise RegistrationError(f"{router!r} is no Router")
        inclusion = _Inclusion(router, prefix)
        if inclusion in self._declared:
            raise RegistrationError(f"that router is included already, with prefix={prefix!r}")
        if router is self or self in router._included():
            raise RegistrationError("a router can't include itself, not even through another")
        self._declared.append(inclusion)
        router._parents.add(self)
        self._changed()

    # Handing it an event

    async def dispatch(self, raw: Raw, headers: Headers = NO_HEADERS) -> Result:
        """
        Run the handlers of an event.

        Several run one after the other, each whether or not another failed. There is no
        checkpoint in it: with handlers that never wait it never yields to the event loop.

        Args:
            raw: JSON as bytes or text, or a mapping parsed from it.
            headers: What came beside it; names in any case.

        Returns:
            What became of each handler.

        Raises:
            EventError: If the event is at fault; no handler ran.
            ExceptionGroup: If several handlers failed.
            Exception: What the one handler that failed raised, with a note that says which.
            RegistrationError: If a handler's annotations can't be resolved.
        """
        run, arguments = (self._compiled or self._compile()).prepare(raw, headers)
        if run is not run_built:
            result = await run(*arguments, raw)
            if result.error is not None:
                raise result.error
            return result
        # What run_built does, without another coroutine between the caller and the handler.
        route, argument, make_event, parts = arguments
        started = perf_counter()
        try:
            value = await route.call(argument)
        except Exception as raised:
            error = raised
        else:
            elapsed = perf_counter() - started
            return handled((make_event, parts, route, value, elapsed), raw)
        elapsed = perf_counter() - started
        result = await recover_built(route, argument, make_event, parts, raw, error, elapsed)
        if result.error is not None:
            raise result.error
        return result

    async def process(self, raw: Raw, headers: Headers = NO_HEADERS) -> Result:
        """
        Run the handlers of an event, and return what went wrong instead of raising it.

        Args:
            raw: JSON as bytes or text, or a mapping parsed from it.
            headers: What came beside it; names in any case.

        Raises:
            RegistrationError: If a handler's annotations can't be resolved.
        """
        return await self._dispatcher().process(raw, headers)

    def dispatch_sync(self, raw: Raw, headers: Headers = NO_HEADERS) -> Result:
        """
        Do what ``dispatch`` does, from sync code; sync handlers run in this thread.

        An event loop is started only if a handler, a hook or a provider is async, or there is
        middleware.

        Raises:
            EventLoopRunning: If an event loop runs in this thread.
            Exception: What ``dispatch`` raises.
        """
        result = self.process_sync(raw, headers)
        if result.error is not None:
            raise result.error
        return result

    def process_sync(self, raw: Raw, headers: Headers = NO_HEADERS) -> Result:
        """
        Do what ``process`` does, from sync code; sync handlers run in this thread.

        Raises:
            EventLoopRunning: If an event loop runs in this thread.
            RegistrationError: If a handler's annotations can't be resolved.
        """
        return self._dispatcher().process_sync(raw, headers)

    def dispatch_many(
        self,
        events: Iterable[Delivered] | AsyncIterable[Delivered],
        *,
        concurrency: int = 1,
        ordered_by: OrderedBy | None = None,
    ) -> AsyncGenerator[Result]:
        """
        Process events as they come, so many at a time; an async iterator of their results.

        Results come as events finish, each with ``raw``, what arrived. To leave the loop early,
        hold the iterator in ``contextlib.aclosing``; a deadline goes around the whole loop. It
        yields to the event loop at least every 64 events.

        Args:
            events: What arrived, each alone or as ``(raw, headers)``; sync or async. An error it
                raises ends the iteration, once the events in flight are done.
            concurrency: How many events are in flight at most: taken, and their result not yet
                given out.
            ordered_by: Gives a key for an event, its payload raw; the events of one key are
                processed one after the other in the order they came.

        Raises:
            RegistrationError: If ``concurrency`` is below one, or a handler's annotations can't
                be resolved.
        """
        return process_many(self._dispatcher(), events, concurrency, ordered_by)

    async def replay(
        self, letter: DeadLetter, *, raw: Raw | None = None, only: Iterable[str] | None = None
    ) -> Result:
        """
        Process the event of a dead letter again, as it came, for the handlers that it is owed to.

        It is read, routed and upcast anew. If it fails, that is in the result; the letter stays
        what it is, and no other is written. Whoever replays it removes it from its store.

        Args:
            letter: The letter, from any store.
            raw: What to process in place of what arrived: the event, edited.
            only: The names of the handlers that are to run, as in ``HandlerResult.handler``. All
                unless given, but those that did what they should before it was set aside.

        Raises:
            RegistrationError: If less would run than is asked for: a handler has another name now.
        """
        arrived = letter.raw if raw is None else raw
        return await self._dispatcher().replay(arrived, letter.headers, selected(letter, only))

    # Looking into it

    def explain_replay(
        self, letter: DeadLetter, *, raw: Raw | None = None, only: Iterable[str] | None = None
    ) -> Explanation:
        """
        Say which handlers ``replay`` would run, and run nothing.

        The arguments are those of ``replay``.

        Raises:
            RegistrationError: What ``replay`` raises, and ``compile``.
        """
        arrived = letter.raw if raw is None else raw
        selection = selected(letter, only)
        return explained(self._dispatcher(), self.routes(), arrived, letter.headers, selection)

    def compile(self) -> None:
        """
        Check all that is declared; else the first event does.

        Raises:
            RegistrationError: If an annotation can't be resolved, nothing provides what a
                parameter asks for, a function is registered twice on one key, or upcasters
                don't lead to a handler.
        """
        self._dispatcher()

    def routes(self) -> tuple[Route, ...]:
        """
        All routes in the order they run, those of included routers among them.

        Raises:
            RegistrationError: What ``compile`` raises.
        """
        self._dispatcher()
        return self._routes

    def upcasters(self) -> tuple[Upcaster, ...]:
        """
        All upcasters, those of included routers among them.

        Raises:
            RegistrationError: What ``compile`` raises.
        """
        self._dispatcher()
        return self._chains.upcasters()

    def upcast_from(self, route: Route) -> tuple[str, ...]:
        """
        Tell which versions are upcast for one of ``routes()``, where no other route is nearer.

        Raises:
            RegistrationError: What ``compile`` raises.
        """
        return self._dispatcher().upcast_from(route)

    def explain(self, raw: Raw, headers: Headers = NO_HEADERS) -> Explanation:
        """
        Say which routes an event takes, which it does not and why, and run nothing.

        Args:
            raw: JSON as bytes or text, or a mapping parsed from it.
            headers: What came beside it; names in any case.

        Raises:
            RegistrationError: What ``compile`` raises.
        """
        return explained(self._dispatcher(), self.routes(), raw, headers)

    def way_of(self, route: Route) -> Way:
        """
        Say how payloads are read for one of ``routes()``, and why so.

        It is how ``dispatch`` reads bytes, once it has seen an event of that type, where no
        other route takes the event. ``explain`` tells it of one event.

        Raises:
            RegistrationError: What ``compile`` raises.
        """
        return self._dispatcher().usual_way_of(route)

    def read(self, raw: Raw, headers: Headers = NO_HEADERS) -> Event[Any]:
        """
        Read an event, its payload still raw JSON, and run nothing.

        Args:
            raw: JSON as bytes or text, or a mapping parsed from it.
            headers: What came beside it; names in any case.

        Raises:
            MalformedEvent: If it is no event in any of the envelopes, or over a limit.
            RegistrationError: What ``compile`` raises.
        """
        return self._dispatcher().read(raw, headers)

    @overload
    def schema(self) -> dict[str, Any]: ...
    @overload
    def schema(self, type: str, version: str | None = None) -> dict[str, Any]: ...
    def schema(self, type: str | None = None, version: str | None = None) -> dict[str, Any]:
        """
        The JSON Schemas, draft 2020-12, of the payloads that handlers take.

        They tell what the converter reads: what fits one is built, but for what only code can
        tell. https://json-schema.org/draft/2020-12

        Args:
            type: The type of an event; None for the schemas of all, in one document.
            version: The event's version, or None for an event without one.

        Returns:
            The schema of that event's payload. Without a type, ``{"format": 1, "events": [...]}``
            of ``{"type": ..., "version": ..., "schema": ...}``, sorted; the type may be a pattern,
            and the version null where a handler takes any. Besides, where there are such:
            ``"where"`` of an entry, of which one must hold; ``"upcast"``, the versions that the
            payload goes through; ``"upcasts"``, ``"versions"`` and ``"default_version"`` of the
            router. ``eventrouter.schemas.compatibility`` compares two such documents.

        Raises:
            UnroutedEvent: If no handler takes an event of that type and version.
            RegistrationError: What ``compile`` raises.
        """
        # Whoever only dispatches need not wait for what describes.
        from eventrouter.schemas.document import payload_schema, schema_document

        routes = self.routes()
        if type is None:
            return schema_document(routes, self._chains, self._default_version)
        version = version or self._default_version
        return payload_schema(routes, self._chains, type, version)

    def example(self, type: str, *, version: str | None = None, seed: int = 0) -> Event[Any]:
        """
        Make up an event that handlers take, its payload raw JSON; for tests and documents.

        It needs the extra ``examples``. Its payload is made from ``schema(type, version)``, and
        the event is read as ``dispatch`` would read it, before it is given out. Pass it on by
        ``dispatch(*router.write(event))``.

        Args:
            type: The event's type.
            version: Its version, or None for an event without one.
            seed: Another number gives another event; the same one gives the same.

        Raises:
            UnroutedEvent: If no handler takes an event of that type and version.
            NoExample: If none was found that is taken, or the extra is not installed.
            RegistrationError: What ``compile`` raises.
        """
        from eventrouter.schemas.examples import example_event

        return example_event(type, version, self.schema(type, version), seed, self._refusal_of)

    def write(self, event: Event[Any]) -> tuple[bytes, dict[str, str]]:
        """
        Write an event, its payload of any type that the converter knows, for ``dispatch`` to read.

        Returns:
            The bytes and the headers, in the first of the router's envelopes.

        Raises:
            MalformedEvent: If the event can't be written so that it is read back.
        """
        return written(event, self._envelopes[0], self._converter.detailed)

    # Inside

    def _add_route(
        self,
        type: str,
        handler: AnyHandler,
        version: str | None,
        where: Where | None,
        thread: bool,
        settings: Settings,
    ) -> None:
        specificity(type)
        condition = None if where is None else read_condition(where)
        version = _checked_version(version)
        self._register(Role.HANDLER, type, version, condition, handler, thread, settings)

    def _refusal_of(self, event: Event[Any]) -> Exception | None:
        """Why no handler would run for an event, or None."""
        try:
            explanation = self.explain(*self.write(event))
        except MalformedEvent as error:
            return error
        taking = (verdict.route for verdict in explanation.verdicts if verdict.runs)
        is_taken = any(not route.is_observer and not route.is_fallback for route in taking)
        return explanation.error or (None if is_taken else UnroutedEvent(event.type, event.version))

    def _register(
        self,
        role: Role,
        pattern: str,
        version: str | None,
        condition: Any,
        handler: AnyHandler,
        thread: bool,
        settings: Settings,
    ) -> None:
        settings = settings.within(self._settings)
        registration = Registration(
            role, pattern, version, condition, handler, thread, settings, self._signatures
        )
        under_key = self._keys.setdefault((role, pattern, version), [])
        if any(map(registration.is_same_as, under_key)):
            raise RegistrationError(f"{registration.named} is registered on {pattern!r} twice")
        if role is Role.FALLBACK and under_key:
            raise RegistrationError(f"the fallback is {under_key[0].named} already")
        under_key.append(registration)
        self._declared.append(registration)
        self._changed()

    def _registering(self, role: Role, handler: Any, thread: bool, settings: Settings) -> Any:
        def register(handler: H) -> H:
            self._register(role, "", None, None, handler, thread, settings)
            return handler

        return register if handler is None else register(handler)

    def _add_hook(self, hooks: list[Any], hook: Any, count: int, arguments: str) -> None:
        refuse_uncallable(hook)
        refuse_generator(hook)
        if not takes(hook, count):
            raise RegistrationError(f"{named(hook)} must take {arguments}")
        hooks.append(hook)
        self._changed()

    def _changed(self) -> None:
        self._compiled = None
        for parent in self._parents:
            parent._changed()

    def _included(self) -> Iterator[Router]:
        for declared in self._declared:
            if isinstance(declared, _Inclusion):
                yield declared.router
                yield from declared.router._included()

    def _dispatcher(self) -> Dispatcher:
        return self._compiled or self._compile()

    def _compile(self) -> Dispatcher:
        by_role: dict[Role, list[Route]] = {role: [] for role in Role}
        scope = self._scope()
        of_store = dict.fromkeys(
            () if self._idempotency is None else self._idempotency.connection_types,
            Source.TRANSACTION,
        )
        around = _Surroundings("", (scope,), (self._providers, of_store), self._settings)
        for order, (registration, inside) in enumerate(self._all_registered(around)):
            route = registration.route(
                inside.prefix,
                inside.scopes,
                order,
                inside.provider_of,
                inside.settings,
                self._sleep,
            )
            by_role[registration.role].append(route)
        _refuse_doubles(by_role[Role.HANDLER])
        self._routes = tuple(
            sorted((r for routes in by_role.values() for r in routes), key=lambda r: r.order)
        )
        self._chains = self._make_chains()
        compiled = Dispatcher(
            envelopes=self._envelopes,
            limits=self._limits,
            table=RouteTable(
                by_role[Role.HANDLER],
                by_role[Role.OBSERVER],
                by_role[Role.FALLBACK],
                self._chains,
            ),
            scope=scope,
            default_version=self._default_version,
            ignores_unrouted=self._ignores_unrouted,
            is_concurrent=self._is_concurrent,
            threads=self._threads,
            sleep=self._sleep,
            idempotency=self._idempotency,
            dead_letters=self._dead_letters,
            publishing=self._publishing(),
        )
        if self._idempotency is not None or self._publisher is not None:
            compiled.refuse_shared_names(self._routes)
        self._compiled = compiled
        return compiled

    def _publishing(self) -> Publishing | None:
        if self._publisher is None:
            return None
        return Publishing(self._publisher, self._envelopes[0], self.outbox_store is not None)

    def _make_chains(self) -> Chains:
        upcasters: list[Upcaster] = []
        orders: dict[str, tuple[str, ...]] = {}
        for router, prefix in self._all_routers(""):
            upcasters += [u.upcaster(prefix) for u in router._upcasters.values()]
            for type, order in router._orders.items():
                if orders.setdefault(prefix + type, order) != order:
                    raise RegistrationError(
                        f"the versions of {prefix + type!r} are declared twice, in two orders"
                    )
        return Chains(upcasters, orders)

    def _all_routers(self, prefix: str) -> Iterator[tuple[Router, str]]:
        yield self, prefix
        for declared in self._declared:
            if isinstance(declared, _Inclusion):
                yield from declared.router._all_routers(prefix + declared.prefix)

    def _all_registered(
        self, around: _Surroundings
    ) -> Iterator[tuple[Registration, _Surroundings]]:
        for declared in self._declared:
            if isinstance(declared, Registration):
                yield declared, around
            else:
                router = declared.router
                inside = _Surroundings(
                    around.prefix + declared.prefix,
                    (*around.scopes, router._scope()),
                    (router._providers, *around.providers),
                    router._settings.within(around.settings),
                )
                yield from router._all_registered(inside)

    def _scope(self) -> Scope:
        return Scope(
            tuple(self._before),
            tuple(self._after),
            tuple(self._middleware),
            not self._middleware and not any(map(is_async, (*self._before, *self._after))),
        )


def _as_sequence(envelope: Envelope | Sequence[Envelope] | None) -> tuple[Envelope, ...]:
    if envelope is None:
        return (JsonEnvelope(),)
    envelopes = tuple(envelope) if isinstance(envelope, Sequence) else (envelope,)
    if not envelopes:
        raise RegistrationError("envelope=[]: at least one is needed")
    return envelopes


def _checked_type(type: str) -> str:
    if specificity(type) is not Specificity.EXACT:
        raise RegistrationError(f"{type!r} is a pattern; versions are those of one event type")
    return type


def _named_version(version: Any) -> str:
    checked = _checked_version(version)
    if checked is None:
        raise RegistrationError("version=None: a version is text, such as 'v1'")
    return checked


def _checked_version(version: Any) -> str | None:
    if version is None or (isinstance(version, str) and version):
        return version
    raise RegistrationError(f"version={version!r}: a version is text, such as 'v1'")


def _refuse_doubles(routes: Iterable[Route]) -> None:
    """Refuse a function that several routers register on what is one key here."""
    seen: dict[tuple[str, str | None], list[Route]] = {}
    for route in routes:
        under_key = seen.setdefault((route.pattern, route.version), [])
        for other in under_key:
            if other.handler == route.handler and other.condition == route.condition:
                raise RegistrationError(f"{route.named} is registered on {route.pattern!r} twice")
        under_key.append(route)
