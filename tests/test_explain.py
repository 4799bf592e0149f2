"""``router.explain``: which routes an event takes, which it does not, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from attrs import define, field, frozen

from eventrouter import (
    Event,
    InvalidPayload,
    JsonEnvelope,
    Limits,
    MalformedEvent,
    MappedEnvelope,
    Metadata,
    MissingVersion,
    Retry,
    Router,
    UnknownType,
    UnknownVersion,
    UnroutedEvent,
)
from eventrouter.explanation import Explanation
from tests.routed import an_event
from tests.three_ways import is_read_straight


def never(payload: Any) -> None:
    raise AssertionError("explain runs nothing")


def never_too(payload: Any) -> None:
    raise AssertionError("explain runs nothing")


def never_with_int(payload: int) -> None:
    raise AssertionError("explain runs nothing")


def is_large(event: Event[Any]) -> bool:
    return bool(event.payload["total"] > 100)


def verdicts(explanation: Explanation) -> list[tuple[str, bool, str]]:
    return [(v.route.pattern, v.runs, v.why) for v in explanation.verdicts]


def verdict(router: Router, event: Any) -> tuple[bool, str]:
    """What the event means to the first of the routes declared."""
    verdict = min(router.explain(event).verdicts, key=lambda verdict: verdict.route.order)
    return verdict.runs, verdict.why


def test_a_route_that_takes_the_event_runs() -> None:
    router = Router()
    router.on("order.paid")(never)

    explanation = router.explain(an_event("order.paid", 5, version="v1"))

    assert verdicts(explanation) == [("order.paid", True, "it takes this event")]
    assert explanation.error is None
    assert explanation.event is not None
    assert (explanation.event.type, explanation.event.payload) == ("order.paid", 5)


@pytest.mark.parametrize("pattern", ["order.sent", "bill.*", "order.paid.*"])
def test_a_route_of_another_type_is_passed_over(pattern: str) -> None:
    router = Router()
    router.on(pattern)(never)

    assert verdict(router, an_event("order.paid")) == (False, "the type does not match")


@pytest.mark.parametrize(
    ("version", "why"), [("v2", "the event has version 'v2'"), (None, "the event has no version")]
)
def test_a_route_of_another_version_is_passed_over(version: str | None, why: str) -> None:
    router = Router()
    router.on("order.*", version="v1")(never)

    assert verdict(router, an_event("order.paid", version=version)) == (False, why)


def test_the_default_version_counts_as_the_event_s() -> None:
    router = Router(default_version="v2")
    router.on("order.*", version="v1")(never)
    router.on("order.*", version="v2")(never)

    explanation = router.explain(an_event("order.paid"))

    assert [verdict.why for verdict in explanation.verdicts] == [
        "it takes this event",
        "the event has version 'v2'",
    ]


def test_a_less_specific_route_is_passed_over() -> None:
    router = Router()
    router.on("order.*")(never)
    router.on("order.paid")(never)

    why = "a more specific route takes this event"
    assert verdict(router, an_event("order.paid")) == (False, why)


def test_a_route_whose_where_is_not_met_is_passed_over() -> None:
    router = Router()
    router.on("order.paid", where={"state": "new"})(never)
    router.on("order.*")(never)

    assert verdict(router, an_event("order.paid", {})) == (False, "its where= is not met")


def test_where_one_of_a_tier_takes_the_event_another_s_where_may_not_be_met() -> None:
    router = Router()
    router.on("order.paid", where={"n": 1})(never)
    router.on("order.paid", where={"n": 2})(never)

    explanation = router.explain(an_event("order.paid", {"n": 2}))

    assert [(v.runs, v.why) for v in explanation.verdicts] == [
        (True, "it takes this event"),
        (False, "its where= is not met"),
    ]


def test_a_where_that_fails_is_the_error_and_the_reason() -> None:
    router = Router()
    router.on("order.paid", where=is_large)(never)

    explanation = router.explain(an_event("order.paid", {}))

    assert isinstance(explanation.error, KeyError)
    assert verdicts(explanation) == [("order.paid", False, "its where= failed: KeyError: 'total'")]


def test_where_one_where_fails_no_other_route_runs() -> None:
    router = Router()
    router.on("order.paid")(never)
    router.on("order.paid", where=is_large)(never)
    router.on("order.*")(never)
    router.fallback(never)

    explanation = router.explain(an_event("order.paid", {}))

    assert [(v.runs, v.why) for v in explanation.verdicts] == [
        (False, "the where= of another failed"),
        (False, "its where= failed: KeyError: 'total'"),
        (False, "the where= of another failed"),
        (False, "the where= of another failed"),
    ]


def test_a_where_that_would_not_be_asked_may_fail() -> None:
    router = Router()
    router.on("order.*", where=is_large)(never)
    router.on("order.paid")(never)

    explanation = router.explain(an_event("order.paid", {}))

    assert explanation.error is None
    assert [(v.runs, v.why) for v in explanation.verdicts] == [
        (True, "it takes this event"),
        (False, "its where= failed: KeyError: 'total'"),
    ]


def test_an_observer_runs_whatever_becomes_of_the_event() -> None:
    router = Router()
    router.on_any(never)
    router.on("order.paid")(never_with_int)

    for event in (an_event("order.paid", 5), an_event("order.paid", "five"), an_event("other")):
        assert verdict(router, event) == (True, "it takes this event")


def test_an_observer_of_another_prefix_is_passed_over() -> None:
    router, inner = Router(), Router()
    inner.on_any(never)
    router.include(inner, prefix="bill.")

    why = "the type does not begin with 'bill.'"
    assert verdict(router, an_event("order.paid")) == (False, why)


def test_a_fallback_runs_where_no_other_does() -> None:
    router = Router()
    router.fallback(never)
    router.on("order.paid")(never)

    assert verdict(router, an_event("order.sent")) == (True, "it takes this event")
    assert router.explain(an_event("order.sent")).error is None
    assert verdict(router, an_event("order.paid")) == (False, "another route takes this event")


def test_a_fallback_of_a_shorter_prefix_is_passed_over() -> None:
    router, inner = Router(), Router()
    router.fallback(never)
    inner.fallback(never)
    router.include(inner, prefix="order.")

    assert verdict(router, an_event("order.paid")) == (False, "another route takes this event")


def test_a_fallback_of_another_prefix_is_passed_over() -> None:
    router, inner = Router(), Router()
    inner.fallback(never)
    router.include(inner, prefix="bill.")

    why = "the type does not begin with 'bill.'"
    assert verdict(router, an_event("order.paid")) == (False, why)


def test_those_that_run_come_first_each_in_their_order() -> None:
    router = Router()
    router.on("other")(never)
    router.on("order.paid")(never)
    router.on("**")(never)
    router.on("order.paid")(never_too)

    explanation = router.explain(an_event("order.paid"))

    assert [v.route.order for v in explanation.verdicts] == [1, 3, 0, 2]


@pytest.mark.parametrize("raw", [b"not json", b"[]", b"{}", "\ud800", b"\xff", {"event_type": 5}])
def test_what_is_no_event_has_an_error_and_no_verdicts(raw: Any) -> None:
    router = Router()
    router.on("**")(never)

    explanation = router.explain(raw)

    assert explanation.event is None
    assert isinstance(explanation.error, MalformedEvent)
    assert explanation.verdicts == ()
    assert str(explanation).startswith("unreadable: MalformedEvent: ")


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (an_event("order.piad"), UnknownType),
        (an_event("order.paid"), MissingVersion),
        (an_event("order.paid", version="v2"), UnknownVersion),
        (an_event("order.paid", {"n": 2}, version="v1"), UnroutedEvent),
    ],
)
def test_an_unrouted_event_has_the_error_that_dispatch_raises(
    event: Any, error: type[Exception]
) -> None:
    router = Router()
    router.on("order.paid", version="v1", where={"n": 1})(never)

    explanation = router.explain(event)

    assert type(explanation.error) is error
    assert str(explanation.error) == str(router.process_sync(event).error)
    assert [verdict.runs for verdict in explanation.verdicts] == [False]


def test_a_where_that_turned_an_unrouted_event_down_is_not_met() -> None:
    router = Router()
    router.on("order.paid", where={"n": 1})(never)

    assert verdict(router, an_event("order.paid", {"n": 2})) == (False, "its where= is not met")


def test_a_payload_that_does_not_fit_stops_all_but_observers() -> None:
    router = Router()
    router.on("order.paid")(never_with_int)
    router.on("order.paid")(never)
    router.on_any(never)

    explanation = router.explain(an_event("order.paid", "five"))

    assert isinstance(explanation.error, InvalidPayload)
    assert [(v.route.is_observer, v.runs) for v in explanation.verdicts] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert explanation.verdicts[1].why == "it takes this event, but a payload can't be built"


@pytest.mark.parametrize("payload", [5, "five", None])
def test_the_verdicts_are_what_a_dispatch_runs(payload: Any) -> None:
    ran: list[int] = []

    def of_number(payload: int) -> None:
        ran.append(0)

    def of_any(payload: Any) -> None:
        ran.append(1)

    def observer(payload: Any) -> None:
        ran.append(2)

    router = Router()
    router.on("order.paid", where=lambda event: event.payload is not None)(of_number)
    router.on("order.paid")(of_any)
    router.on_any(observer)

    explanation = router.explain(an_event("order.paid", payload))
    assert ran == []
    router.process_sync(an_event("order.paid", payload))

    assert [v.route.order for v in explanation.verdicts if v.runs] == ran


def test_nothing_is_run() -> None:
    router = Router()

    def hook(event: Event[Any], error: BaseException | None = None) -> None:
        raise AssertionError("explain runs nothing")

    async def around(event: Event[Any], call_next: Any) -> Any:
        raise AssertionError("explain runs nothing")

    def make() -> int:
        raise AssertionError("explain runs nothing")

    def with_number(payload: Any, number: int) -> None:
        raise AssertionError("explain runs nothing")

    router.before(hook)
    router.after(hook)
    router.middleware(around)
    router.provide(int, make)
    router.on("order.paid")(with_number)
    router.on_any(never)
    router.fallback(never)

    assert router.explain(an_event("order.paid")).error is None
    assert isinstance(router.explain(an_event("order.sent")).error, type(None))


def test_its_text_is_a_headline_and_a_line_for_each_route() -> None:
    router, inner = Router(), Router()
    router.on("order.paid", version="v1", where={"state": "new"})(never)
    router.on("order.*")(never)
    router.on_any(never)
    router.include(inner, prefix="bill.")
    inner.fallback(never)
    at = f"{__file__}:{never.__code__.co_firstlineno}"
    name = f"{__name__}.never"

    text = str(router.explain(an_event("order.paid", {"state": "old"}, version="v1")))

    assert text.splitlines() == [
        "order.paid v1",
        f"  runs: {name} on order.* at {at}: it takes this event, its payload raw",
        f"  runs: {name} on every event at {at}: it takes this event, its payload raw",
        f"  passed over: {name} on order.paid v1 where state='new' at {at}: its where= is not met",
        f"  passed over: {name} on events that no other route takes under 'bill.' at {at}: "
        "the type does not begin with 'bill.'",
    ]


def test_its_headline_names_the_error() -> None:
    router = Router()

    assert str(router.explain(an_event("order.paid"))) == (
        'order.paid: UnknownType: no route for the event type "order.paid"'
    )


def test_its_text_shows_fifty_routes_and_counts_the_rest() -> None:
    router = Router()
    for number in range(60):
        router.on(f"order.{number}")(never)

    lines = str(router.explain(an_event("order.59"))).splitlines()

    assert len(lines) == 52
    assert "runs" in lines[1]
    assert lines[-1] == "  and 10 more"


def test_ten_thousand_routes_are_explained() -> None:
    router = Router()
    for number in range(10_000):
        router.add_route(f"order.{number}.*", never)

    explanation = router.explain(an_event("order.77.paid"))

    assert [v.route.pattern for v in explanation.verdicts if v.runs] == ["order.77.*"]
    assert len(explanation.verdicts) == 10_000


def test_its_headline_holds_no_control_character_of_the_event() -> None:
    assert str(Router().explain({"event_type": "a\x1b[2J\nb"})).startswith(r"a\x1b[2J\nb: ")


# How payloads are read


@frozen
class Paid:
    cents: int


@define
class Converted:
    cents: int = field(converter=int)


@frozen
class Loose:
    cents: Any


async def take_paid(paid: Paid) -> None: ...
async def take_paid_too(paid: Paid) -> None: ...
async def take_event(event: Event[Paid]) -> None: ...
async def take_metadata(paid: Paid, metadata: Metadata) -> None: ...
async def take_converted(paid: Converted) -> None: ...
async def take_loose(paid: Loose) -> None: ...
async def take_raw(payload: Any) -> None: ...
async def take_raw_event(event: Event[Any]) -> None: ...
def take_in_thread(paid: Paid) -> None: ...
def hook(event: Event[Any]) -> None: ...
def see(event: Event[Any]) -> None: ...
async def see_async(event: Event[Any]) -> None: ...


async def around(event: Event[Any], call_next: Any) -> Any:
    return await call_next(event)


class OwnEnvelope(JsonEnvelope):
    pass


def router_for(handler: Any, *, on: str = "order.paid", **settings: Any) -> Router:
    router = Router(**settings)
    router.on(on)(handler)
    return router


def router_inline() -> Router:
    router = Router()
    router.on("order.paid", thread=False)(take_in_thread)
    return router


def including(change: Callable[[Router], Any]) -> Router:
    router, inner = Router(), router_for(take_paid)
    change(inner)
    router.include(inner)
    return router


def changed(change: Callable[[Router], Any]) -> Router:
    router = router_for(take_paid)
    change(router)
    return router


def with_where(router: Router) -> None:
    router.on("order.paid", where={"cents": 7})(take_paid_too)


NOT_ALONE = "cattrs: JsonEnvelope is not the only envelope"
AROUND = "cattrs: a hook or middleware is around it"
WAYS: list[tuple[Callable[[], Router], str]] = [
    (lambda: router_for(take_paid), "msgspec"),
    (lambda: router_for(take_paid, on="order.*"), "msgspec"),
    (lambda: router_for(take_paid, on="**"), "msgspec"),
    (lambda: router_for(take_paid, default_version="v1"), "msgspec"),
    (router_inline, "msgspec"),
    (lambda: including(lambda inner: None), "msgspec"),
    (lambda: router_for(take_converted), "msgspec, then cattrs: Converted.cents has a converter"),
    (lambda: router_for(take_loose), "cattrs: Any is read by cattrs"),
    (lambda: router_for(take_event), "cattrs: it takes the event"),
    (lambda: router_for(take_metadata), "cattrs: the handler has further parameters"),
    (lambda: router_for(take_in_thread), "cattrs: the handler runs in a thread"),
    (lambda: router_for(take_paid, concurrent=True), "cattrs: the router is concurrent"),
    (lambda: router_for(take_paid, envelope=OwnEnvelope()), NOT_ALONE),
    (
        lambda: router_for(take_paid, envelope=[JsonEnvelope(), MappedEnvelope(type="t")]),
        NOT_ALONE,
    ),
    (
        lambda: router_for(take_paid, limits=Limits(max_integer_digits=10)),
        "cattrs: msgspec has another limit for the digits of an integer",
    ),
    (lambda: changed(lambda router: router.before(hook)), AROUND),
    (lambda: changed(lambda router: router.after(lambda event, error: None)), AROUND),
    (lambda: changed(lambda router: router.middleware(around)), "msgspec"),
    (lambda: including(lambda inner: inner.before(hook)), AROUND),
    (lambda: including(lambda inner: inner.middleware(around)), AROUND),
    (
        lambda: changed(lambda router: router.on_any(see)),
        "cattrs: one of its handlers runs in a thread",
    ),
    (
        lambda: changed(lambda router: router.on_any(see_async)),
        "cattrs: one of its handlers takes the event",
    ),
    (lambda: changed(lambda router: router.on("order.paid")(take_paid_too)), "msgspec"),
    (
        lambda: changed(lambda router: router.on("order.paid")(take_loose)),
        "cattrs: its handlers take different payloads",
    ),
    (lambda: changed(with_where), "cattrs: a where= is asked first"),
    (lambda: router_for(take_raw), "raw"),
    (lambda: router_for(take_raw_event), "raw"),
]
BYTES = json.dumps(an_event("order.paid", {"cents": 5})).encode()


@pytest.mark.parametrize(("make", "way"), WAYS, ids=[way for _, way in WAYS])
def test_it_says_how_a_payload_is_read_and_why(make: Callable[[], Router], way: str) -> None:
    pytest.importorskip("msgspec")
    router = make()

    first = router.explain(BYTES).verdicts[0]

    assert str(first.way) == way
    assert str(router.way_of(first.route)) == way
    assert str(first).endswith(
        ": it takes this event, its payload " + ("raw" if way == "raw" else f"read by {way}")
    )


@pytest.mark.anyio
@pytest.mark.parametrize(("make", "way"), WAYS, ids=[way for _, way in WAYS])
async def test_the_way_is_the_one_that_events_go(make: Callable[[], Router], way: str) -> None:
    pytest.importorskip("msgspec")
    router = make()
    await router.dispatch(BYTES)

    assert is_read_straight(router, BYTES) == way.startswith("msgspec")


@pytest.mark.parametrize("handler", [take_paid, take_converted, take_event, take_in_thread])
def test_without_msgspec_cattrs_reads_all(handler: Any) -> None:
    router = router_for(handler)
    with patch.dict(sys.modules, {"msgspec": None}):
        router.compile()

    (verdict,) = router.explain(BYTES).verdicts

    assert str(verdict.way) == "cattrs: msgspec is not installed"
    assert router.way_of(verdict.route) == verdict.way


def test_without_msgspec_a_raw_payload_is_raw_too() -> None:
    router = router_for(take_raw)
    with patch.dict(sys.modules, {"msgspec": None}):
        router.compile()

    assert str(router.explain(BYTES).verdicts[0].way) == "raw"


def test_a_route_that_does_not_run_has_no_way() -> None:
    router = router_for(take_paid, on="order.sent")

    (verdict,) = router.explain(BYTES).verdicts

    assert verdict.way is None
    assert str(verdict).endswith("the type does not match")


def test_a_fallback_alone_is_read_straight() -> None:
    pytest.importorskip("msgspec")
    router = Router()
    router.fallback(take_paid)

    (verdict,) = router.explain(BYTES).verdicts

    assert str(verdict.way) == str(router.way_of(verdict.route)) == "msgspec"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (BYTES.decode(), "str"),
        (bytearray(BYTES), "bytearray"),
        (memoryview(BYTES), "memoryview"),
        (json.loads(BYTES), "dict"),
    ],
)
def test_what_did_not_come_as_bytes_is_read_by_cattrs(raw: Any, kind: str) -> None:
    pytest.importorskip("msgspec")

    (verdict,) = router_for(take_paid).explain(raw).verdicts

    assert str(verdict.way) == f"cattrs: what arrived is {kind}, not bytes"


def test_past_so_many_types_cattrs_reads_the_others() -> None:
    pytest.importorskip("msgspec")
    router = router_for(take_paid, on="order.*")

    ways = [
        str(
            router.explain(json.dumps(an_event(f"order.{n}", {"cents": 5})).encode())
            .verdicts[0]
            .way
        )
        for n in range(258)
    ]

    assert ways == ["msgspec"] * 256 + ["cattrs: 256 other types came first"] * 2


def test_it_says_what_is_done_where_a_handler_fails_or_takes_long() -> None:
    router = Router()

    @router.on("order.paid", retry=Retry(3, on=OSError), timeout=30)
    async def handle(payload: Any) -> None:
        never(payload)

    explanation = str(router.explain(an_event("order.paid")))

    assert explanation.endswith("its payload raw; 3 attempts on OSError; timeout 30 s")
