"""Which handlers an event goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventrouter import (
    Event,
    InvalidPayload,
    MissingVersion,
    RegistrationError,
    Router,
    Status,
    UnknownType,
    UnknownVersion,
    UnroutedEvent,
)
from tests.routed import an_event, naively_matches, noting


class Case:
    """A router, and the names of the handlers that have run on it."""

    def __init__(self, **settings: Any) -> None:
        self.router = Router(**settings)
        self.ran: list[str] = []

    def on(self, type: str, name: str | None = None, **further: Any) -> None:
        name = name or " ".join([type, *map(str, further.values())])
        self.router.on(type, **further)(noting(name, self.ran))

    def ran_for(self, type: str, payload: Any = None, *, version: str | None = None) -> list[str]:
        self.ran.clear()
        self.router.dispatch_sync(an_event(type, payload, version=version))
        return list(self.ran)

    def error_for(self, type: str, payload: Any = None, *, version: str | None = None) -> Exception:
        result = self.router.process_sync(an_event(type, payload, version=version))
        assert result.status is Status.UNROUTED
        assert result.error is not None
        return result.error


# How specific


def test_an_exact_type_goes_before_patterns() -> None:
    case = Case()
    case.on("**")
    case.on("order.*")
    case.on("order.paid")

    assert case.ran_for("order.paid") == ["order.paid"]


def test_one_star_goes_before_two() -> None:
    case = Case()
    case.on("order.**")
    case.on("*.paid")

    assert case.ran_for("order.paid") == ["*.paid"]
    assert case.ran_for("order.sent") == ["order.**"]


def test_one_star_beside_two_is_as_wide_as_two() -> None:
    case = Case()
    case.on("*.**")
    case.on("**")

    assert case.ran_for("order.paid") == ["*.**", "**"]


def test_two_stars_match_what_is_in_front_of_them_too() -> None:
    case = Case()
    case.on("order.**")

    assert case.ran_for("order") == ["order.**"]


def test_a_versioned_handler_goes_before_an_unversioned_one() -> None:
    case = Case()
    case.on("order.paid")
    case.on("order.paid", version="v1")

    assert case.ran_for("order.paid", version="v1") == ["order.paid v1"]
    assert case.ran_for("order.paid", version="v2") == ["order.paid"]


def test_an_unversioned_exact_type_goes_before_a_versioned_pattern() -> None:
    case = Case()
    case.on("order.*", version="v1")
    case.on("order.paid")

    assert case.ran_for("order.paid", version="v1") == ["order.paid"]


def test_a_versioned_pattern_goes_before_an_unversioned_one() -> None:
    case = Case()
    case.on("order.*")
    case.on("*.paid", version="v1")

    assert case.ran_for("order.paid", version="v1") == ["*.paid v1"]


def test_an_exact_type_of_another_version_gives_way_to_a_pattern() -> None:
    case = Case()
    case.on("order.paid", version="v1")
    case.on("order.*")

    assert case.ran_for("order.paid", version="v2") == ["order.*"]


def test_all_of_the_most_specific_run_in_registration_order() -> None:
    case = Case()
    case.on("order.*", "first")
    case.on("order.paid.*", "other type")
    case.on("*.paid", "second")
    case.on("**", "less specific")
    case.on("order.*", "third")

    assert case.ran_for("order.paid") == ["first", "second", "third"]


def test_segments_are_compared_as_they_are_written() -> None:
    case = Case()
    case.on("order.paid")

    assert isinstance(case.error_for("Order.Paid"), UnknownType)
    assert isinstance(case.error_for("order.paid "), UnknownType)
    assert isinstance(case.error_for("order.paid."), UnknownType)


def test_a_star_in_the_type_of_an_event_is_only_a_character() -> None:
    case = Case()
    case.on("order.paid")

    assert isinstance(case.error_for("order.*"), UnknownType)
    assert isinstance(case.error_for("**"), UnknownType)


# where=


def test_where_all_of_a_tier_turn_the_event_down_the_next_takes_it() -> None:
    case = Case()
    case.on("order.paid", "exact", version="v1", where={"n": 1})
    case.on("order.paid", "unversioned", where={"n": 2})
    case.on("order.*", "pattern", where={"n": 3})
    case.on("**", "widest")

    taken = [case.ran_for("order.paid", {"n": n}, version="v1") for n in (1, 2, 3, 4)]

    assert taken == [["exact"], ["unversioned"], ["pattern"], ["widest"]]


def test_those_of_a_tier_that_turn_the_event_down_are_left_out() -> None:
    case = Case()
    case.on("order.paid", "always")
    case.on("order.paid", "one", where={"n": 1})
    case.on("order.paid", "one or two", where={"n": {1, 2}})

    assert case.ran_for("order.paid", {"n": 1}) == ["always", "one", "one or two"]
    assert case.ran_for("order.paid", {"n": 2}) == ["always", "one or two"]
    assert case.ran_for("order.paid", {"n": 3}) == ["always"]


def test_where_all_turn_the_event_down_it_is_unrouted_itself() -> None:
    case = Case()
    case.on("order.paid", where={"n": 1})
    case.on("order.*", where={"n": 2})

    error = case.error_for("order.paid", {"n": 3})

    assert type(error) is UnroutedEvent
    assert "where=" in str(error)


def test_one_function_may_be_there_twice_with_different_conditions() -> None:
    router = Router()
    ran: list[str] = []
    handler = noting("both", ran)
    router.on("order.paid", where={"a": 1})(handler)
    router.on("order.paid", where={"b": 1})(handler)

    router.dispatch_sync(an_event("order.paid", {"a": 1, "b": 1}))

    assert ran == ["both", "both"]


# Versions


@pytest.mark.parametrize("version", ["1", "1.0", "V1", "v1 ", "v10"])
def test_versions_are_opaque(version: str) -> None:
    case = Case()
    case.on("order.paid", version="v1")

    error = case.error_for("order.paid", version=version)

    assert isinstance(error, UnknownVersion)
    assert error.version == version


def test_versions_that_look_alike_are_different_keys() -> None:
    case = Case()
    for version in ("v1", "1", "1.0"):
        case.on("order.paid", version=version)

    assert case.ran_for("order.paid", version="1.0") == ["order.paid 1.0"]


@pytest.mark.parametrize("version", [None, "v1", "whatever", ""])
def test_a_handler_without_a_version_takes_any(version: str | None) -> None:
    case = Case()
    case.on("order.paid")

    assert case.ran_for("order.paid", version=version) == ["order.paid"]


def test_an_event_without_a_version_takes_the_default() -> None:
    case = Case(default_version="v1")
    case.on("order.paid", version="v1")
    case.on("order.paid", version="v2")
    case.on("order.paid")

    assert case.ran_for("order.paid") == ["order.paid v1"]
    assert case.ran_for("order.paid", version="v2") == ["order.paid v2"]


def test_an_event_without_a_version_never_takes_the_latest() -> None:
    case = Case()
    case.on("order.paid", version="v1")
    case.on("order.paid", version="v2")

    error = case.error_for("order.paid")

    assert isinstance(error, MissingVersion)
    assert error.known == ("v1", "v2")
    assert '"v1", "v2"' in str(error)


def test_a_newer_version_than_any_known_is_no_guess() -> None:
    case = Case()
    case.on("order.paid", version="v2")
    case.on("order.*", version="v1")

    error = case.error_for("order.paid", version="v3")

    assert isinstance(error, UnknownVersion)
    assert error.known == ("v1", "v2")
    assert 'no route for version "v3" of "order.paid"; known: "v1", "v2"' in str(error)


def test_an_unknown_default_version_is_unknown() -> None:
    case = Case(default_version="v9")
    case.on("order.paid", version="v1")

    assert isinstance(case.error_for("order.paid"), UnknownVersion)


# Unrouted


def test_an_unknown_type_names_the_type_that_may_have_been_meant() -> None:
    case = Case()
    case.on("order.paid")
    case.on("bill.sent")

    error = case.error_for("order.piad")

    assert isinstance(error, UnknownType)
    assert error.suggestion == "order.paid"
    assert 'did you mean "order.paid"?' in str(error)


def test_an_unknown_type_like_no_other_comes_without_a_suggestion() -> None:
    case = Case()
    case.on("order.paid")

    error = case.error_for("user.created")

    assert isinstance(error, UnknownType)
    assert error.suggestion is None
    assert str(error) == 'no route for the event type "user.created"'


def test_on_an_empty_router_every_type_is_unknown() -> None:
    assert isinstance(Case().error_for("order.paid"), UnknownType)


def test_an_unrouted_event_is_raised() -> None:
    with pytest.raises(UnroutedEvent):
        Router().dispatch_sync(an_event("order.paid"))


def test_an_unrouted_event_is_not_worth_another_try() -> None:
    assert not Router().process_sync(an_event("order.paid")).retryable


@pytest.mark.parametrize(
    "event",
    [
        an_event("user.created"),
        an_event("order.paid"),
        an_event("order.paid", version="v2"),
        an_event("order.paid", {"n": 2}, version="v1"),
    ],
)
def test_unrouted_events_are_ignored_by_choice(event: dict[str, Any]) -> None:
    case = Case(unrouted="ignore")
    case.on("order.paid", version="v1", where={"n": 1})

    result = case.router.dispatch_sync(event)

    assert (result.status, result.ok, result.handlers) == (Status.IGNORED, True, ())


def test_choosing_to_ignore_changes_nothing_for_an_event_with_a_route() -> None:
    case = Case(unrouted="ignore")
    case.on("order.paid")

    assert case.ran_for("order.paid") == ["order.paid"]


def test_unrouted_is_raise_or_ignore() -> None:
    setting: Any = "drop"
    with pytest.raises(RegistrationError, match="'raise' or 'ignore'"):
        Router(unrouted=setting)


@pytest.mark.parametrize(
    "event",
    [
        an_event("user.created"),
        an_event("order.paid"),
        an_event("order.paid", version="v2"),
        an_event("order.paid", {"n": 2}, version="v1"),
    ],
)
@pytest.mark.parametrize("unrouted", ["raise", "ignore"])
def test_a_fallback_takes_whatever_no_other_takes(event: dict[str, Any], unrouted: str) -> None:
    case = Case(unrouted=unrouted)
    case.on("order.paid", version="v1", where={"n": 1})
    case.router.fallback(noting("fallback", case.ran))

    result = case.router.dispatch_sync(event)

    assert result.status is Status.HANDLED
    assert case.ran == ["fallback"]


def test_a_fallback_does_not_run_where_another_does() -> None:
    case = Case()
    case.router.fallback(noting("fallback", case.ran))
    case.on("**")

    assert case.ran_for("order.paid") == ["**"]


def test_the_payload_of_a_fallback_is_built() -> None:
    router = Router()

    @router.fallback(thread=False)
    def fallback(payload: int) -> None: ...

    assert router.process_sync(an_event("a", "text")).status is Status.INVALID


# Observers


def a_case_with_an_observer(**settings: Any) -> Case:
    case = Case(**settings)
    case.router.on_any(noting("observer", case.ran))

    @case.router.on("order.paid")
    def handle(payload: int) -> None:
        case.ran.append("handler")

    return case


@pytest.mark.parametrize(
    ("event", "status", "ran"),
    [
        (an_event("order.paid", 5), Status.HANDLED, ["observer", "handler"]),
        (an_event("order.paid", "five"), Status.INVALID, ["observer"]),
        (an_event("user.created"), Status.UNROUTED, ["observer"]),
        (an_event("user.created", version="v2"), Status.UNROUTED, ["observer"]),
    ],
)
def test_an_observer_sees_every_event(event: Any, status: Status, ran: list[str]) -> None:
    case = a_case_with_an_observer()

    result = case.router.process_sync(event)

    assert result.status is status
    assert case.ran == ran


def test_an_observer_sees_an_event_that_is_ignored() -> None:
    case = a_case_with_an_observer(unrouted="ignore")

    result = case.router.process_sync(an_event("user.created"))

    assert result.status is Status.IGNORED
    assert [handler.error for handler in result.handlers] == [None]
    assert case.ran == ["observer"]


def test_an_observer_sees_an_event_that_goes_to_the_fallback() -> None:
    case = a_case_with_an_observer()
    case.router.fallback(noting("fallback", case.ran))

    assert case.ran_for("user.created") == ["observer", "fallback"]


def test_what_is_no_event_is_shown_to_no_observer() -> None:
    case = a_case_with_an_observer()

    case.router.process_sync(b"not json")

    assert case.ran == []


def test_an_observer_alone_is_no_route() -> None:
    router = Router()
    router.on_any(noting("observer", []))

    assert router.process_sync(an_event("order.paid")).status is Status.UNROUTED


@pytest.mark.parametrize(
    ("event", "status", "error"),
    [
        (an_event("order.paid", 5), Status.FAILED, ZeroDivisionError),
        (an_event("order.paid", "five"), Status.INVALID, InvalidPayload),
        (an_event("user.created"), Status.UNROUTED, UnknownType),
    ],
)
def test_an_observer_that_fails_stops_no_other(
    event: Any, status: Status, error: type[Exception]
) -> None:
    case = Case()

    @case.router.on_any
    def observe(event: Event[Any]) -> None:
        raise ZeroDivisionError("observer")

    @case.router.on("order.paid")
    def handle(payload: int) -> None:
        case.ran.append("handler")

    result = case.router.process_sync(event)

    assert result.status is status
    assert type(result.error) is error
    assert case.ran == (["handler"] if status is Status.FAILED else [])
    assert isinstance(result.handlers[0].error, ZeroDivisionError)


def test_an_observer_that_fails_is_noted_on_the_error_of_the_event() -> None:
    router = Router()

    @router.on_any
    def observe(event: Event[Any]) -> None:
        raise ZeroDivisionError("observer")

    with pytest.raises(UnknownType) as caught:
        router.dispatch_sync(an_event("user.created"))

    assert caught.value.__notes__ == ["besides, ZeroDivisionError was raised: observer"]


def test_an_observer_that_fails_on_an_ignored_event_fails_it() -> None:
    router = Router(unrouted="ignore")

    @router.on_any
    def observe(event: Event[Any]) -> None:
        raise ZeroDivisionError

    result = router.process_sync(an_event("user.created"))

    assert result.status is Status.FAILED
    assert isinstance(result.error, ZeroDivisionError)


@pytest.mark.anyio
async def test_events_go_to_the_same_handlers_with_an_event_loop() -> None:
    case = Case()
    case.on("order.*", "first")
    case.on("*.paid", "second")
    case.on("**", "widest", where={"n": 1})

    await case.router.dispatch(an_event("order.paid"))
    await case.router.dispatch(an_event("order", {"n": 1}))
    result = await case.router.process(an_event("order", {"n": 2}))

    assert case.ran == ["first", "second", "widest"]
    assert result.status is Status.UNROUTED


# How much


def remembered(router: Router) -> int:
    dispatcher = router._dispatcher()
    return len(dispatcher._settled) + len(dispatcher._candidates)


@pytest.mark.parametrize("where", [None, {"n": 1}])
def test_made_up_types_and_versions_do_not_grow_memory(where: dict[str, Any] | None) -> None:
    case = Case()
    case.on("order.paid")
    case.on("**", where=where)
    case.router.fallback(noting("fallback", case.ran))

    for number in range(20_000):
        version = f"v{number}" if number % 2 else None
        case.router.dispatch_sync(an_event(f"made.up.{number % 5_000}", version=version))

    assert remembered(case.router) <= 1_024 + 2


def test_made_up_types_without_a_route_are_not_remembered_at_all() -> None:
    case = Case(unrouted="ignore")
    case.on("order.paid", version="v1")

    for number in range(2_000):
        case.router.dispatch_sync(an_event(f"made.up.{number}"))
        case.router.dispatch_sync(an_event("order.paid", version=f"made up {number}"))

    assert remembered(case.router) == 0


def test_combinations_of_conditions_do_not_grow_memory() -> None:
    case = Case()
    for bit in range(12):
        case.on("number", str(bit), where={str(bit): 1})

    for number in range(1, 2**12):
        payload = {str(bit): number >> bit & 1 for bit in range(12)}
        expected = [str(bit) for bit in range(12) if payload[str(bit)]]
        assert case.ran_for("number", payload) == expected

    assert case.router._dispatcher()._plan.cache_info().currsize <= 1_024


def test_what_is_forgotten_is_found_again() -> None:
    case = Case()
    case.on("kept.*")
    case.on("**", where={"n": 1})

    for number in range(3_000):
        assert case.ran_for(f"made.up.{number}", {"n": 1}) == ["** {'n': 1}"]
        assert case.ran_for("kept.one") == ["kept.*"]


def answering(number: int) -> Callable[[Any], int]:
    def answer(payload: Any) -> int:
        return number

    return answer


def test_events_of_a_hundred_thousand_exact_types_go_to_their_handlers() -> None:
    router = Router()
    answers = [answering(number) for number in range(1_009)]
    for number in range(100_000):
        router.add_route(f"tenant.{number}.paid", answers[number % 1_009])

    for number in range(0, 100_000, 17):
        result = router.dispatch_sync({"event_type": f"tenant.{number}.paid"})
        assert [handler.value for handler in result.handlers] == [number % 1_009]


@pytest.mark.parametrize("count", [10, 10_000])
def test_the_routes_looked_at_do_not_grow_with_their_number(count: int) -> None:
    router = Router()
    asked: list[str] = []
    handler = answering(1)

    def ask(event: Event[Any]) -> bool:
        asked.append(event.type)
        return True

    for number in range(count):
        router.add_route(f"tenant.{number}", handler, where=ask)

    router.dispatch_sync(an_event("tenant.5"))
    router.process_sync(an_event("nobody.5"))

    assert asked == ["tenant.5"]
    assert len(list(router._dispatcher()._table._matching("tenant.5"))) == 1


# All of it at once

SEGMENTS = st.sampled_from(["a", "b", "*", "**"])
VERSIONS = st.sampled_from(["v1", "v2"])
PATTERNS = st.lists(SEGMENTS, min_size=1, max_size=3).map(".".join)
TYPES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map(".".join)
ROUTES = st.lists(st.tuples(PATTERNS, st.none() | VERSIONS, st.none() | st.booleans()), max_size=10)
EVENTS = st.lists(
    st.tuples(TYPES, st.none() | VERSIONS | st.just("v3"), st.booleans()), min_size=1, max_size=5
)
RouteMade = tuple[str, str | None, bool | None]


def _width(pattern: str) -> int:
    segments = pattern.split(".")
    return 2 if "**" in segments else 1 if "*" in segments else 0


def expected_for(
    routes: Sequence[RouteMade], event_type: str, version: str | None, flag: bool
) -> list[int] | type[Exception]:
    """The numbers of the routes that run, or the class of the error."""
    matching = [route for route in routes if naively_matches(route[0], event_type)]
    tiers: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for number, (pattern, of_version, wanted) in enumerate(routes):
        fits = naively_matches(pattern, event_type) and of_version in (None, version)
        if fits and wanted in (None, flag):
            tiers[_width(pattern), of_version is None].append(number)
    if tiers:
        return tiers[min(tiers)]
    if not matching:
        return UnknownType
    if any(of_version in (None, version) for _, of_version, _ in matching):
        return UnroutedEvent
    return MissingVersion if version is None else UnknownVersion


@settings(deadline=None)
@given(ROUTES, EVENTS, st.sampled_from([None, "v1", "v4"]))
def test_events_go_where_a_naive_router_sends_them(
    routes: list[RouteMade],
    events: list[tuple[str, str | None, bool]],
    default_version: str | None,
) -> None:
    router = Router(default_version=default_version)
    for number, (pattern, version, wanted) in enumerate(routes):
        where = None if wanted is None else {"flag": wanted}
        router.add_route(pattern, answering(number), version=version, where=where)

    for event_type, version, flag in events * 2:  # the second time from what it remembers
        result = router.process_sync(an_event(event_type, {"flag": flag}, version=version))
        found = [handler.value for handler in result.handlers] or type(result.error)
        assert found == expected_for(routes, event_type, version or default_version, flag)
