"""Routers within routers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from attrs import frozen

from eventrouter import CallNext, Event, Result, Router, Status, UnknownType, make_converter
from tests.routed import an_event, noting


@frozen
class Price:
    cents: int


class Tenant(str):
    """What is provided."""


def test_the_types_of_an_included_router_begin_with_the_prefix() -> None:
    billing, router, ran = Router(), Router(), list[str]()
    billing.on("paid")(noting("exact", ran))
    billing.on("*.late")(noting("pattern", ran))
    router.include(billing, prefix="billing.")

    router.dispatch_sync(an_event("billing.paid"))
    router.dispatch_sync(an_event("billing.invoice.late"))

    assert ran == ["exact", "pattern"]
    assert router.process_sync(an_event("paid")).status is Status.UNROUTED


def test_a_router_may_be_included_without_a_prefix() -> None:
    inner, router, ran = Router(), Router(), list[str]()
    inner.on("paid")(noting("inner", ran))
    router.include(inner)

    router.dispatch_sync(an_event("paid"))

    assert ran == ["inner"]


def test_two_stars_of_an_included_router_stay_under_its_prefix() -> None:
    inner, router, ran = Router(), Router(), list[str]()
    inner.on("**")(noting("inner", ran))
    router.include(inner, prefix="billing.")

    router.dispatch_sync(an_event("billing.invoice.late"))
    router.dispatch_sync(an_event("billing"))  # ``billing.**`` takes no segment as well

    assert ran == ["inner", "inner"]
    assert router.process_sync(an_event("billings.late")).status is Status.UNROUTED


def test_prefixes_of_nested_includes_add_up() -> None:
    innermost, inner, router, ran = Router(), Router(), Router(), list[str]()
    innermost.on("paid")(noting("innermost", ran))
    inner.include(innermost, prefix="invoice.")
    router.include(inner, prefix="billing.eu.")

    router.dispatch_sync(an_event("billing.eu.invoice.paid"))

    assert ran == ["innermost"]
    assert [route.pattern for route in router.routes()] == ["billing.eu.invoice.paid"]


def test_an_included_router_still_works_alone() -> None:
    inner, router, ran = Router(), Router(), list[str]()
    inner.on("paid")(noting("inner", ran))
    router.include(inner, prefix="billing.")

    inner.dispatch_sync(an_event("paid"))

    assert ran == ["inner"]


def test_versions_and_conditions_count_in_included_routers() -> None:
    inner, router, ran = Router(), Router(), list[str]()
    inner.on("paid", version="v1", where={"n": 1})(noting("inner", ran))
    inner.on("paid", version="v1")(noting("any n", ran))
    router.include(inner, prefix="billing.")

    router.dispatch_sync(an_event("billing.paid", {"n": 1}, version="v1"))

    assert ran == ["inner", "any n"]
    assert router.process_sync(an_event("billing.paid", version="1")).status is Status.UNROUTED


def test_settings_of_an_included_router_do_not_count() -> None:
    inner, router = Router(default_version="v1", unrouted="ignore"), Router()
    inner.on("paid", version="v1")(noting("inner", []))
    router.include(inner)

    assert router.process_sync(an_event("paid")).status is Status.UNROUTED
    assert inner.process_sync(an_event("paid")).status is Status.HANDLED


def test_an_unknown_type_may_have_been_meant_to_be_one_of_an_included_router() -> None:
    inner, router = Router(), Router()
    inner.on("paid")(noting("inner", []))
    router.include(inner, prefix="billing.")

    error = router.process_sync(an_event("billing.piad")).error

    assert isinstance(error, UnknownType)
    assert error.suggestion == "billing.paid"


# Before or after


def declare(step: str, router: Router, inner: Router, ran: list[str]) -> None:
    def provided(payload: Any, tenant: Tenant) -> None:
        ran.append(f"handler for {tenant}")

    def before(event: Event[Any]) -> None:
        ran.append(f"before {event.type}")

    def after(event: Event[Any], error: BaseException | None) -> None:
        ran.append(f"after {type(error).__name__}")

    async def around(event: Event[Any], call_next: CallNext) -> Result:
        ran.append("in")
        result = await call_next(event)
        ran.append("out")
        return result

    if step == "include":
        router.include(inner, prefix="eu.")
        router.include(inner, prefix="us.")
    elif step == "routes":
        inner.on("paid")(provided)
        inner.on_any(noting("observer", ran))
        inner.fallback(noting("fallback", ran))
    elif step == "hooks":
        inner.before(before)
        inner.after(after)
        inner.middleware(around)
    else:
        inner.provide(Tenant, lambda: Tenant("acme"))


@pytest.mark.parametrize("steps", [*permutations(["include", "routes", "hooks", "provide"])])
@pytest.mark.parametrize("is_compiled_between", [False, True])
def test_the_order_of_declarations_makes_no_difference(
    steps: tuple[str, ...], is_compiled_between: bool
) -> None:
    router, inner, ran = Router(unrouted="ignore"), Router(), list[str]()
    done: set[str] = set()
    for step in steps:
        declare(step, router, inner, ran)
        done.add(step)
        is_complete = "provide" in done or not {"routes", "include"} <= done
        if is_compiled_between and is_complete:
            router.dispatch_sync(an_event("nothing.yet"))
    ran.clear()

    for event_type in ("eu.paid", "us.paid", "us.sent", "asia.paid"):
        router.dispatch_sync(an_event(event_type))

    assert ran == [
        *("in", "before eu.paid", "handler for acme", "observer", "after NoneType", "out"),
        *("in", "before us.paid", "handler for acme", "observer", "after NoneType", "out"),
        *("in", "before us.sent", "observer", "fallback", "after NoneType", "out"),
    ]


@pytest.mark.parametrize("level", ["router", "inner", "innermost"])
def test_what_is_declared_after_the_first_dispatch_is_seen(level: str) -> None:
    routers = {"router": Router(), "inner": Router(), "innermost": Router()}
    ran: list[str] = []
    routers["router"].include(routers["inner"])
    routers["inner"].include(routers["innermost"])
    routers["router"].on("paid")(noting("first", ran))
    routers["router"].dispatch_sync(an_event("paid"))
    ran.clear()

    routers[level].on("paid")(noting("second", ran))
    routers[level].on_any(noting("observer", ran))
    routers[level].fallback(noting("fallback", ran))
    routers["router"].dispatch_sync(an_event("paid"))
    routers["router"].dispatch_sync(an_event("sent"))

    assert sorted(ran[:3]) == ["first", "observer", "second"]
    assert ran[3:] == ["observer", "fallback"]


def test_a_hook_declared_after_the_first_dispatch_is_seen() -> None:
    router, inner, ran = Router(), Router(), list[str]()
    router.include(inner)
    inner.on("paid")(noting("inner", ran))
    router.dispatch_sync(an_event("paid"))

    @inner.before
    def before(event: Event[Any]) -> None:
        ran.append("before")

    router.dispatch_sync(an_event("paid"))

    assert ran == ["inner", "before", "inner"]


def test_a_router_included_after_the_first_dispatch_is_seen() -> None:
    router, inner, ran = Router(), Router(), list[str]()
    inner.on("paid")(noting("inner", ran))
    router.process_sync(an_event("paid"))

    router.include(inner)
    router.dispatch_sync(an_event("paid"))

    assert ran == ["inner"]


# Order


def test_handlers_run_in_the_order_they_and_their_routers_were_declared() -> None:
    router, inner, innermost, ran = Router(), Router(), Router(), list[str]()
    router.on("a.b.c")(noting("1", ran))
    router.include(inner, prefix="a.")
    router.on("a.b.c")(noting("6", ran))
    inner.on("b.c")(noting("2", ran))
    inner.include(innermost, prefix="b.")
    inner.on("b.c")(noting("5", ran))
    innermost.on("c")(noting("3", ran))
    innermost.on_any(noting("4", ran))

    router.dispatch_sync(an_event("a.b.c"))

    assert ran == ["1", "2", "3", "4", "5", "6"]


def test_the_most_specific_tier_is_found_across_routers() -> None:
    router, inner, ran = Router(), Router(), list[str]()
    router.on("a.*")(noting("outer pattern", ran))
    router.include(inner, prefix="a.")
    inner.on("b")(noting("inner exact", ran))
    inner.on("*")(noting("inner pattern", ran))

    router.dispatch_sync(an_event("a.b"))
    router.dispatch_sync(an_event("a.c"))

    assert ran == ["inner exact", "outer pattern", "inner pattern"]


# Fallbacks and observers


def a_router_with_fallbacks(ran: list[str]) -> Router:
    router, inner, innermost = Router(), Router(), Router()
    router.fallback(noting("outer", ran))
    router.include(inner, prefix="a.")
    inner.include(innermost, prefix="b.")
    inner.fallback(noting("inner", ran))
    innermost.fallback(noting("innermost", ran))
    return router


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [("a.b.c", "innermost"), ("a.c", "inner"), ("a.bc", "inner"), ("c", "outer"), ("ab", "outer")],
)
def test_the_fallback_of_the_longest_prefix_runs(event_type: str, expected: str) -> None:
    ran: list[str] = []

    a_router_with_fallbacks(ran).dispatch_sync(an_event(event_type))

    assert ran == [expected]


def test_a_fallback_takes_nothing_beside_its_prefix() -> None:
    router, inner = Router(), Router()
    router.include(inner, prefix="a.")
    inner.fallback(noting("inner", []))

    assert router.process_sync(an_event("b.c")).status is Status.UNROUTED


def test_a_less_specific_route_goes_before_any_fallback() -> None:
    router, inner, ran = Router(), Router(), list[str]()
    router.include(inner, prefix="a.")
    inner.fallback(noting("fallback", ran))
    router.on("**")(noting("widest", ran))

    router.dispatch_sync(an_event("a.b"))

    assert ran == ["widest"]


def test_an_observer_sees_events_under_its_prefix_only() -> None:
    router, inner, ran = Router(unrouted="ignore"), Router(), list[str]()
    router.on_any(noting("outer", ran))
    router.include(inner, prefix="a.")
    inner.on_any(noting("inner", ran))

    router.dispatch_sync(an_event("a.b"))
    router.dispatch_sync(an_event("ab"))
    router.dispatch_sync(an_event("b.a.b"))

    assert ran == ["outer", "inner", "outer", "outer"]


# What is around


def test_payloads_are_built_by_the_converter_of_the_router_of_the_handler() -> None:
    lenient = make_converter()
    lenient.register_structure_hook(Price, lambda text, _: Price(int(text)))
    inner, router = Router(converter=lenient), Router()
    router.include(inner)
    seen: list[object] = []

    @inner.on("text")
    def of_text(price: Price) -> None:
        seen.append(price)

    @router.on("object")
    def of_object(price: Price) -> None:
        seen.append(price)

    router.dispatch_sync(an_event("text", "5"))
    router.dispatch_sync(an_event("object", {"cents": 6}))

    assert seen == [Price(5), Price(6)]
    assert router.process_sync(an_event("object", "6")).status is Status.INVALID


def test_handlers_of_one_event_may_be_built_by_two_converters() -> None:
    doubling = make_converter()
    doubling.register_structure_hook(Price, lambda tree, _: Price(2 * tree["cents"]))
    inner, router = Router(converter=doubling), Router()
    router.include(inner)

    def handle(price: Price) -> int:
        return price.cents

    def handle_too(price: Price) -> int:
        return price.cents

    inner.on("paid")(handle)
    router.on("paid")(handle_too)

    result = router.dispatch_sync(an_event("paid", {"cents": 5}))

    assert [handler.value for handler in result.handlers] == [10, 5]


def wrapped(name: str, router: Router, ran: list[str]) -> None:
    """Hooks and middleware that note when they run."""

    @router.before
    def before(event: Event[Any]) -> None:
        ran.append(f"{name} before")

    @router.after
    def after(event: Event[Any], error: BaseException | None) -> None:
        ran.append(f"{name} after")

    @router.middleware
    async def around(event: Event[Any], call_next: CallNext) -> Result:
        ran.append(f"{name} in")
        result = await call_next(event)
        ran.append(f"{name} out")
        return result


def around(name: str, *inside: str) -> list[str]:
    return [f"{name} in", f"{name} before", *inside, f"{name} after", f"{name} out"]


def test_what_is_around_an_included_router_is_around_its_own_handlers_only() -> None:
    router, inner, other, ran = Router(), Router(), Router(), list[str]()
    wrapped("inner", inner, ran)
    wrapped("other", other, ran)
    router.on("paid")(noting("outer handler", ran))
    router.include(inner)
    router.include(other)
    inner.on("paid")(noting("inner handler", ran))
    other.on("sent")(noting("other handler", ran))

    router.dispatch_sync(an_event("paid"))

    assert ran == ["outer handler", *around("inner", "inner handler")]


def test_what_is_around_outer_routers_is_around_inner_ones() -> None:
    router, inner, innermost, ran = Router(), Router(), Router(), list[str]()
    for name, each in (("outer", router), ("inner", inner), ("innermost", innermost)):
        wrapped(name, each, ran)
    router.include(inner)
    inner.include(innermost)
    innermost.on("paid")(noting("handler", ran))

    router.dispatch_sync(an_event("paid"))

    assert ran == around("outer", *around("inner", *around("innermost", "handler")))


def test_a_hook_that_raises_stops_the_handlers_of_its_own_router_only() -> None:
    router, inner, ran = Router(), Router(), list[str]()
    router.include(inner)
    router.on("paid")(noting("outer handler", ran))
    inner.on("paid")(noting("inner handler", ran))

    @inner.before
    def refuse(event: Event[Any]) -> None:
        raise PermissionError("not today")

    result = router.process_sync(an_event("paid"))

    assert ran == ["outer handler"]
    assert result.status is Status.FAILED
    assert isinstance(result.error, PermissionError)


def test_each_prefix_of_a_router_has_its_own_run_of_its_hooks() -> None:
    router, inner, ran = Router(), Router(), list[str]()
    wrapped("inner", inner, ran)
    inner.on("**")(noting("handler", ran))
    router.include(inner, prefix="a.")
    router.include(inner, prefix="a.b.")

    router.dispatch_sync(an_event("a.b.c"))

    assert ran == around("inner", "handler") * 2


def test_what_the_inner_router_provides_goes_before_what_the_outer_does() -> None:
    router, inner = Router(), Router()
    router.provide(Tenant, lambda: Tenant("outer"))
    inner.provide(Tenant, lambda: Tenant("inner"))
    router.include(inner, prefix="a.")

    def handle(payload: Any, tenant: Tenant) -> str:
        return tenant

    router.on("b")(handle)
    inner.on("b")(handle)

    def value_for(event_type: str) -> Any:
        return router.dispatch_sync(an_event(event_type)).handlers[0].value

    assert value_for("b") == "outer"
    assert value_for("a.b") == "inner"


def test_what_the_outer_router_provides_reaches_inner_ones() -> None:
    router, inner = Router(), Router()
    router.include(inner)

    @inner.on("paid")
    def handle(payload: Any, tenant: Tenant) -> str:
        return tenant

    router.provide(Tenant, Tenant("outer"))

    assert router.dispatch_sync(an_event("paid")).handlers[0].value == "outer"


@pytest.mark.anyio
async def test_async_hooks_of_included_routers_are_awaited() -> None:
    router, inner, ran = Router(), Router(), list[str]()
    router.include(inner)
    inner.on("paid")(noting("handler", ran))

    @inner.before
    async def before(event: Event[Any]) -> None:
        ran.append("before")

    await router.dispatch(an_event("paid"))

    assert ran == ["before", "handler"]


def handlers_of(count: int) -> list[Callable[[Any], None]]:
    return [noting(str(number), []) for number in range(count)]


def test_routers_may_be_nested_deeply() -> None:
    innermost = router = Router()
    for number in range(100):
        outer = Router()
        outer.include(router, prefix=f"p{number}.")
        router = outer
    innermost.on("paid")(handlers_of(1)[0])

    prefix = "".join(f"p{number}." for number in reversed(range(100)))
    assert [route.pattern for route in router.routes()] == [f"{prefix}paid"]
