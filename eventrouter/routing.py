"""Routes, and the table that finds those of an event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from attrs import Factory, field, frozen
from cattrs import Converter

from eventrouter.chains import Chains
from eventrouter.circuit import Circuit
from eventrouter.conditions import Condition
from eventrouter.errors import (
    MissingVersion,
    UnknownType,
    UnknownVersion,
    UnroutedEvent,
)
from eventrouter.event import Event
from eventrouter.patterns import PatternTree, Specificity, specificity
from eventrouter.policy import NO_POLICY, Policy
from eventrouter.providers import Filled, Provider
from eventrouter.recovery import Recovery
from eventrouter.scope import Scope
from eventrouter.signature import AnyHandler, Named, Signature
from eventrouter.suggestions import Suggestions
from eventrouter.turns import Turns
from eventrouter.upcasting import Builder, UpcastPath


def _handler_of(route: Route) -> AnyHandler:
    return route.handler


@frozen(eq=False)
class Route:
    """
    A handler, and the events it takes.

    Attributes:
        pattern: What an event's type must match.
        version: What its version must be; None takes any.
        condition: What else is asked of it, or None.
        handler: The function.
        named: Its name and where it was written.
        converter: What payloads of events that it gives are written with.
        thread: Whether a sync handler runs in a worker thread.
        is_observer: Whether it sees every event, also those that no handler can take.
        is_fallback: Whether it takes what no other does; the pattern then is how types begin.
        filled: Where its parameters after the first come from.
        transacted: The parameters given the connection of the transaction that completes its key.
        scopes: What routers wrap around it, the outermost first.
        order: Its place among all routes.
        upcasts: The versions that the payload goes through on its way here, if it is upcast.
        policy: How it is called, and what is done if it fails or takes long.
        recovery: What is done once it has failed; None if nothing is.
        call: What calls it: the function, within a deadline if an async one has that.
        in_order: Whose turn it is among the events of one key; None if they have no order.
        at_a_time: Whose turn it is to be called; None if any number may.
        circuit: Whether it is paused; None if it never is.
    """

    pattern: str
    version: str | None
    condition: Condition | None
    handler: AnyHandler = field(repr=False)
    named: Named
    signature: Signature = field(repr=False)
    builder: Builder | None = field(repr=False)  # None: the raw payload is what is asked for
    converter: Converter = field(repr=False)
    thread: bool
    is_observer: bool = False
    is_fallback: bool = False
    filled: tuple[Filled, ...] = field(default=(), repr=False)
    transacted: tuple[str, ...] = field(default=(), repr=False)
    scopes: tuple[Scope, ...] = field(default=(), repr=False)  # outermost first
    order: int = field(default=0, repr=False)
    upcasts: tuple[str, ...] = field(default=(), repr=False)
    policy: Policy = NO_POLICY
    recovery: Recovery | None = field(default=None, repr=False)
    call: AnyHandler = field(default=Factory(_handler_of, takes_self=True), repr=False)
    in_order: Turns | None = field(default=None, repr=False)
    at_a_time: Turns | None = field(default=None, repr=False)
    circuit: Circuit | None = field(default=None, repr=False)

    def __str__(self) -> str:
        matched = self.pattern
        if self.is_observer or self.is_fallback:
            role = "every event" if self.is_observer else "events that no other route takes"
            matched = f"{role} under {self.pattern!r}" if self.pattern else role
        version = f" {self.version}" if self.version else ""
        where = f" where {self.condition}" if self.condition else ""
        return f"{self.named.name} on {matched}{version}{where}"

    @property
    def is_sync(self) -> bool:
        """Whether running it never waits where there is no event loop."""
        sources = (source for _, source in self.filled)
        return not self.signature.is_async and all(
            source.is_sync for source in sources if isinstance(source, Provider)
        )

    def takes(self, event: Event[Any]) -> bool:
        """Whether the condition, if there is one, holds."""
        return self.condition is None or self.condition.holds(event)


class Tier(NamedTuple):
    """
    Routes that are equally specific, and of which all that take an event run.

    Attributes:
        routes: The routes, in order.
        path: How the event is upcast for them; None if it is not.
    """

    routes: tuple[Route, ...]
    path: UpcastPath | None

    @property
    def is_conditional(self) -> bool:
        """Whether it takes the event itself to tell which of them run."""
        return any(route.condition for route in self.routes)

    def seen(self, event: Event[Any]) -> tuple[Event[Any], Event[Any] | None]:
        """
        The event that conditions are asked about, and what the path made of it, if it had to.

        Raises:
            InvalidPayload: If the event can't be upcast.
            RegistrationError: If nothing builds what an upcaster takes.
        """
        if self.path is None or not self.is_conditional:
            return event, None
        upcast = self.path.upcast(event)
        return self.path.with_json(upcast), upcast


class Candidates(NamedTuple):
    """
    The routes for one type and version, before any condition is asked.

    Attributes:
        tiers: The most specific first; of these one runs.
        observers: Those that run besides, whatever else does.
        fallbacks: Those that run where none of the tiers has a route.
    """

    tiers: tuple[Tier, ...]
    observers: tuple[Route, ...]
    fallbacks: tuple[Route, ...]

    @property
    def is_conditional(self) -> bool:
        """Whether it takes the event itself to tell which routes run."""
        return any(tier.is_conditional for tier in self.tiers[:1])


class RouteTable:
    """
    All routes, found by an event's type and version.

    Args:
        routes: Those that take events by their pattern.
        observers: Those that see all events whose type begins with their pattern.
        fallbacks: Those that take what no route does, likewise.
        chains: The upcasters.

    Raises:
        RegistrationError: If an upcaster leads to no route.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        observers: Iterable[Route],
        fallbacks: Iterable[Route],
        chains: Chains,
    ) -> None:
        # event type -> version -> routes
        self._exact: dict[str, dict[str | None, list[Route]]] = {}
        self._patterns = PatternTree[Route]()
        self._observers = tuple(observers)
        # The longest prefix first.
        self._fallbacks = sorted(fallbacks, key=lambda route: -len(route.pattern))
        self._suggestions: Suggestions | None = None
        for route in routes:
            if specificity(route.pattern) is Specificity.EXACT:
                by_version = self._exact.setdefault(route.pattern, defaultdict(list))
                by_version[route.version].append(route)
            else:
                self._patterns.add(route.pattern, route)
        self._chains = chains
        chains.refuse_dead_ends(self._handles)

    def __len__(self) -> int:
        """The number of exact types and versions."""
        return sum(map(len, self._exact.values()))

    def find(self, event_type: str, version: str | None) -> Candidates:
        """The routes for a type and version, before any condition is asked."""
        # (how specific, whether for any version, how many upcasters away) -> routes
        tiers: dict[tuple[Specificity, bool, int], list[Route]] = defaultdict(list)
        reached = self._chains.reached(event_type, version)
        for route in self._matching(event_type):
            if route.version is None:
                tiers[specificity(route.pattern), True, 0].append(route)
            elif route.version in reached:
                tiers[specificity(route.pattern), False, reached[route.version]].append(route)
        return Candidates(
            # The lowest is the most specific.
            tuple(self._tier(event_type, version, tiers[tier]) for tier in sorted(tiers)),
            tuple(route for route in self._observers if event_type.startswith(route.pattern)),
            tuple(r for r in self._fallbacks if event_type.startswith(r.pattern))[:1],
        )

    def unrouted(self, event_type: str, version: str | None) -> UnroutedEvent:
        """Why no route takes an event of that type and version."""
        matching = list(self._matching(event_type))
        if not matching:
            if self._suggestions is None:
                self._suggestions = Suggestions(self._exact)
            return UnknownType(event_type, version, self._suggestions.nearest(event_type))
        reached = self._chains.reached(event_type, version)
        if any(route.version is None or route.version in reached for route in matching):
            return UnroutedEvent(event_type, version)
        handled = (route.version for route in matching if route.version is not None)
        known = self._chains.in_order(event_type, [*handled, *self._chains.sources(event_type)])
        if version is None:
            return MissingVersion(event_type, known)
        is_newer = self._chains.is_newer(event_type, version, known)
        return UnknownVersion(event_type, version, known, is_newer)

    def upcast_from(self, route: Route) -> tuple[str, ...]:
        """The versions upcast for a route, where no other is nearer; the farthest first."""
        if route.version is None:
            return ()
        is_exact = specificity(route.pattern) is Specificity.EXACT
        types = [route.pattern] if is_exact else self._chains.types()
        tiers = (
            tier
            for event_type in types
            for source in self._chains.sources(event_type)
            for tier in self.find(event_type, source).tiers[:1]
        )
        paths = {tier.path for tier in tiers if tier.path is not None and route in tier.routes}
        by_length = sorted(paths, key=lambda path: (-len(path.steps), path.versions))
        return tuple(dict.fromkeys(path.versions[0] for path in by_length))

    def _tier(self, event_type: str, version: str | None, routes: list[Route]) -> Tier:
        routes.sort(key=_by_order)
        target = routes[0].version
        if target is None or version is None or target == version:
            return Tier(tuple(routes), None)
        return Tier(tuple(routes), self._chains.path(event_type, version, target))

    def _handles(self, event_type: str, version: str) -> bool:
        return any(route.version == version for route in self._matching(event_type))

    def _matching(self, event_type: str) -> Iterator[Route]:
        for routes in self._exact.get(event_type, {}).values():
            yield from routes
        yield from self._patterns.find(event_type)


def _by_order(route: Route) -> int:
    return route.order
