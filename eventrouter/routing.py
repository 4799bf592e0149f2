"""Routes, and the table that finds those of an event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from attrs import field, frozen

from eventrouter.conditions import Condition
from eventrouter.errors import (
    MissingVersion,
    UnknownType,
    UnknownVersion,
    UnroutedEvent,
)
from eventrouter.event import Event
from eventrouter.patterns import PatternTree, Specificity, specificity
from eventrouter.payload import PayloadBuilder
from eventrouter.providers import Filled, Provider
from eventrouter.scope import Scope
from eventrouter.signature import AnyHandler, Named, Signature
from eventrouter.suggestions import Suggestions


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
        thread: Whether a sync handler runs in a worker thread.
        is_observer: Whether it sees every event, also those that no handler can take.
        is_fallback: Whether it takes what no other does; the pattern then is how types begin.
        filled: Where its parameters after the first come from.
        scopes: What routers wrap around it, the outermost first.
        order: Its place among all routes.
    """

    pattern: str
    version: str | None
    condition: Condition | None
    handler: AnyHandler = field(repr=False)
    named: Named
    signature: Signature = field(repr=False)
    builder: PayloadBuilder | None = field(repr=False)  # None: the raw payload is what is asked for
    thread: bool
    is_observer: bool = False
    is_fallback: bool = False
    filled: tuple[Filled, ...] = field(default=(), repr=False)
    scopes: tuple[Scope, ...] = field(default=(), repr=False)  # outermost first
    order: int = field(default=0, repr=False)

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


class Candidates(NamedTuple):
    """
    The routes for one type and version, before any condition is asked.

    Attributes:
        tiers: Routes equally specific, the most specific first; of these one tier runs.
        observers: Those that run besides, whatever else does.
        fallbacks: Those that run where none of the tiers has a route.
    """

    tiers: tuple[tuple[Route, ...], ...]
    observers: tuple[Route, ...]
    fallbacks: tuple[Route, ...]

    @property
    def is_conditional(self) -> bool:
        """Whether it takes the event itself to tell which routes run."""
        return any(route.condition for tier in self.tiers[:1] for route in tier)


class RouteTable:
    """
    All routes, found by an event's type and version.

    Args:
        routes: Those that take events by their pattern.
        observers: Those that see all events whose type begins with their pattern.
        fallbacks: Those that take what no route does, likewise.
    """

    def __init__(
        self, routes: Iterable[Route], observers: Iterable[Route], fallbacks: Iterable[Route]
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

    def __len__(self) -> int:
        """The number of exact types and versions."""
        return sum(map(len, self._exact.values()))

    def find(self, event_type: str, version: str | None) -> Candidates:
        """The routes for a type and version, before any condition is asked."""
        # (how specific, whether for any version) -> routes; the lowest is the most specific
        tiers: dict[tuple[Specificity, bool], list[Route]] = defaultdict(list)
        for route in self._matching(event_type):
            if route.version in (None, version):
                tiers[specificity(route.pattern), route.version is None].append(route)
        return Candidates(
            tuple(tuple(sorted(tiers[tier], key=_by_order)) for tier in sorted(tiers)),
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
        if any(route.version in (None, version) for route in matching):
            return UnroutedEvent(event_type, version)
        known = sorted({route.version for route in matching if route.version is not None})
        if version is None:
            return MissingVersion(event_type, known)
        return UnknownVersion(event_type, version, known)

    def _matching(self, event_type: str) -> Iterator[Route]:
        for routes in self._exact.get(event_type, {}).values():
            yield from routes
        yield from self._patterns.find(event_type)


def _by_order(route: Route) -> int:
    return route.order
