"""Which routes an event takes, which it does not, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, frozen

from eventrouter.dead_letters import Selection
from eventrouter.dispatch import Choice, Dispatcher
from eventrouter.envelope import Headers
from eventrouter.errors import EventError, MissingKey, RegistrationError, printable
from eventrouter.event import Event
from eventrouter.json import Raw
from eventrouter.patterns import matches
from eventrouter.routing import Route, Tier
from eventrouter.straight import RAW_WAY, Way, cattrs_way

_SHOWN = 50  # routes in the text


@frozen
class Verdict:
    """
    What an event means to one route.

    Attributes:
        route: The route.
        runs: Whether it runs.
        why: Why, or why not; with the versions its payload goes through, if it is upcast.
        way: How ``dispatch`` reads its payload, and why so; None if it does not run.
    """

    route: Route
    runs: bool
    why: str
    way: Way | None = None

    def __str__(self) -> str:
        what = "runs" if self.runs else "passed over"
        text = f"{what}: {self.route} at {self.route.named.location}: {self.why}"
        if self.way is None:
            return text
        text += f", its payload {'raw' if self.way is RAW_WAY else f'read by {self.way}'}"
        policy = str(self.route.policy)
        return f"{text}; {policy}" if policy else text


@frozen
class Explanation:
    """
    Which routes an event takes, which it does not, and why.

    Attributes:
        event: The event as it came, its payload raw; None if what arrived was no event.
        error: What ``dispatch`` would raise before any handler ran, or None.
        verdicts: One for each route, in the order they run; those that run first.
        upcasts: The versions that the payload goes through, as in ``Result``.
    """

    event: Event[Any] | None
    error: Exception | None
    verdicts: tuple[Verdict, ...]
    upcasts: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [_headline(self.event, self.error)]
        lines += [f"  {verdict}" for verdict in self.verdicts[:_SHOWN]]
        if len(self.verdicts) > _SHOWN:
            lines.append(f"  and {len(self.verdicts) - _SHOWN} more")
        return "\n".join(lines)


def explained(
    dispatcher: Dispatcher,
    routes: Iterable[Route],
    raw: Raw,
    headers: Headers,
    selection: Selection | None = None,
) -> Explanation:
    """
    What each of the routes makes of an event.

    Args:
        dispatcher: What would run them.
        routes: All routes.
        raw: What arrived.
        headers: What came beside it.
        selection: Which of them are to run, if not all that take the event.

    Raises:
        RegistrationError: If less would run than was selected.
    """
    try:
        event = dispatcher.read(raw, headers)
    except EventError as malformed:
        return Explanation(None, malformed, ())
    choice = whole = dispatcher.choose(event)
    if selection is not None:
        choice = dispatcher.narrowed(whole, selection)
    left_out = frozenset(whole.plan.routes).difference(choice.plan.routes)
    error = choice.error or _payload_error(choice, event) or dispatcher.key_error(choice, event)
    tier_of = {route: tier for tier in dispatcher.tiers_for(event) for route in tier.routes}
    version = dispatcher.version_of(event)
    verdicts = [
        Verdict(route, False, "it takes this event, but is not among those to be replayed")
        if route in left_out
        else _verdict(route, event, choice, error, version, tier_of.get(route))
        for route in routes
    ]
    verdicts = [_with_way(verdict, dispatcher, event, choice, raw) for verdict in verdicts]
    verdicts.sort(key=lambda verdict: not verdict.runs)
    path = choice.plan.path
    return Explanation(event, error, tuple(verdicts), () if path is None else path.versions)


def _payload_error(choice: Choice, event: Event[Any]) -> Exception | None:
    for route in choice.plan.reached:
        if route.builder is not None:
            try:
                route.builder(event)
            except (EventError, RegistrationError) as error:
                return error
    return None


def _verdict(
    route: Route,
    event: Event[Any],
    choice: Choice,
    error: Exception | None,
    version: str | None,
    tier: Tier | None,
) -> Verdict:
    path = choice.plan.path
    if route in choice.plan.routes:
        takes = "it takes this event"
        if path is not None and not route.is_observer:
            takes += f", upcast {printable(str(path))}"
        if error is not None and not route.is_observer:
            lacks = "it has no key" if isinstance(error, MissingKey) else "a payload can't be built"
            return Verdict(route, False, f"{takes}, but {lacks}")
        return Verdict(route, True, takes)
    if route.is_observer or route.is_fallback:
        if not event.type.startswith(route.pattern):
            return Verdict(route, False, f"the type does not begin with {route.pattern!r}")
        return Verdict(route, False, _taken(choice, "another route"))
    if not matches(route.pattern, event.type):
        return Verdict(route, False, "the type does not match")
    if tier is None:
        has = "no version" if version is None else f"version {version!r}"
        return Verdict(route, False, f"the event has {has}")
    try:
        seen, _ = tier.seen(event)
    except (EventError, RegistrationError):
        return Verdict(route, False, f"the event can't be upcast {printable(str(tier.path))}")
    try:
        is_met = route.takes(seen)
    except Exception as failure:
        why = f"its where= failed: {type(failure).__name__}: {failure}"
        return Verdict(route, False, why)
    if not is_met:
        return Verdict(route, False, "its where= is not met")
    return Verdict(route, False, _taken(choice, "a more specific route"))


def _with_way(
    verdict: Verdict, dispatcher: Dispatcher, event: Event[Any], choice: Choice, raw: Raw
) -> Verdict:
    if not verdict.runs:
        return verdict
    way = dispatcher.way_of(verdict.route, event, choice)
    if way.type is not None and not isinstance(raw, bytes):
        way = cattrs_way(f"what arrived is {type(raw).__qualname__}, not bytes")
    return evolve(verdict, way=way)


def _taken(choice: Choice, by: str) -> str:
    # An unrouted event is turned down by every route, so the error is that of a predicate.
    return f"{by} takes this event" if choice.error is None else "the where= of another failed"


def _headline(event: Event[Any] | None, error: Exception | None) -> str:
    about = "unreadable" if event is None else printable(event.type)
    if event is not None and event.version:
        about += f" {printable(event.version)}"
    return about if error is None else f"{about}: {type(error).__name__}: {error}"
