"""What the router is held to, as ratios of figures measured in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from benchmarks.brokers.contest import BY_HAND, FASTSTREAM, OURS

SIZES = ("small", "medium", "large")


@frozen
class Target:
    """
    One thing that must hold.

    Args:
        name: What is compared with what.
        measured: The figure, or None where something it needs was not measured.
        limit: What it is held to.
        at_most: Whether the figure must not be above the limit; else not below it.
        unit: What the figure is in.
    """

    name: str
    measured: float | None
    limit: float
    at_most: bool = True
    unit: str = "x"

    @property
    def is_met(self) -> bool | None:
        """Whether it holds, or None where it was not measured."""
        if self.measured is None:
            return None
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit


def targets(tables: Mapping[str, Any]) -> list[Target]:
    """All targets, with what the tables say of each; a table may be absent."""
    dispatch = tables.get("dispatch", {})
    return [
        *_beside_the_floor(dispatch),
        *_beside_by_hand(dispatch),
        *_beside_frameworks(dispatch),
        *_of_the_router_itself(dispatch, tables.get("routes", {})),
        *_over_http(tables.get("http", {})),
        *_upcasts(tables.get("upcasts", {})),
        *_policies(tables.get("policies", {})),
        *_sleeping(tables.get("sleeping", {})),
        *_memory(tables.get("memory", {})),
        *_stores(tables.get("stores", {})),
        *_poison(tables.get("poison", {})),
        *_brokers(tables.get("brokers", {})),
    ]


def lines(found: list[Target]) -> list[str]:
    """The targets as text."""
    width = max(len(target.name) for target in found)
    shown = [f"{'target':{width}}{'limit':>14}{'measured':>12}", ""]
    for target in found:
        limit = f"{'<=' if target.at_most else '>='} {target.limit:.2f} {target.unit}"
        measured = "-" if target.measured is None else f"{target.measured:.2f}"
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[target.is_met]
        shown.append(f"{target.name:{width}}{limit:>14}{measured:>12}  {verdict}")
    return shown


def _ratio(dispatch: Mapping[str, Any], size: str, name: str, reference: str) -> float | None:
    seconds = dispatch.get("seconds", {}).get(size, {})
    if name in seconds and reference in seconds:
        return float(seconds[name] / seconds[reference])
    return None


def _at_most(
    dispatch: Mapping[str, Any], name: str, reference: str, limits: tuple[float, ...]
) -> Iterator[Target]:
    """One contender beside another, for each size."""
    for size, limit in zip(SIZES, limits, strict=True):
        ratio = _ratio(dispatch, size, name, reference)
        yield Target(f"{size}: {name} / {reference}", ratio, limit)


def _at_least(
    dispatch: Mapping[str, Any], name: str, reference: str, limits: Mapping[str, float]
) -> Iterator[Target]:
    for size, limit in limits.items():
        ratio = _ratio(dispatch, size, name, reference)
        yield Target(f"{size}: {name} / {reference}", ratio, limit, at_most=False)


def _beside_the_floor(dispatch: Mapping[str, Any]) -> Iterator[Target]:
    yield from _at_most(dispatch, "eventrouter", "msgspec, one pass", (2.0, 1.5, 1.25))


def _beside_by_hand(dispatch: Mapping[str, Any]) -> Iterator[Target]:
    yield from _at_most(dispatch, "eventrouter", "orjson + cattrs", (1.0, 1.0, 1.0))
    yield from _at_least(
        dispatch, "pydantic", "eventrouter", {"small": 2.0, "medium": 1.3, "large": 1.3}
    )
    converted = "a field converter"
    yield from _at_most(
        dispatch, f"eventrouter, {converted}", f"orjson + cattrs, {converted}", (1.0, 1.1, 0.9)
    )
    alone = "eventrouter, standard library"
    yield from _at_most(dispatch, alone, "stdlib + cattrs", (0.9, 0.9, 0.9))
    yield from _at_most(dispatch, alone, "stdlib + cattrs, not detailed", (1.25, 1.25, 1.25))


def _beside_frameworks(dispatch: Mapping[str, Any]) -> Iterator[Target]:
    seconds = dispatch.get("seconds", {}).get("small", {})
    same_work = {
        name: seconds[name]
        for name, contender in dispatch.get("contenders", {}).items()
        if contender["kind"] == "framework" and contender["does_the_same_work"] and name in seconds
    }
    nearest = min(same_work, key=same_work.__getitem__, default=None)
    ratio = _ratio(dispatch, "small", nearest, "eventrouter") if nearest else None
    named = f" ({nearest})" if nearest else ""
    yield Target(f"small: the nearest framework{named} / eventrouter", ratio, 5.0, at_most=False)
    yield from _at_least(dispatch, "FastStream, process_message", "eventrouter", {"small": 40.0})
    for router in ("blinker + msgspec", "gidgethub's router + msgspec"):
        yield from _at_least(dispatch, router, "eventrouter", {"small": 1.0})


def _of_the_router_itself(
    dispatch: Mapping[str, Any], routes: Mapping[str, Any]
) -> Iterator[Target]:
    exact = routes.get("exact", {})
    few, many = exact.get("10"), exact.get("100000")
    yield Target("100,000 exact routes / 10", many / few if few and many else None, 1.1)
    three = _ratio(dispatch, "small", "eventrouter, three handlers", "eventrouter")
    yield Target("small: three handlers / one", three, 3.3)
    one = dispatch.get("seconds", {}).get("small", {}).get("eventrouter")
    middleware = _ratio(dispatch, "small", "eventrouter, middleware", "eventrouter")
    yield Target(
        "small: what a middleware adds / one dispatch, limit 0.5 µs",
        None if middleware is None else middleware - 1,
        0.5e-6 / one if one else 0.5,
    )


def _over_http(http: Mapping[str, Any]) -> Iterator[Target]:
    # Not under uvicorn: there the endpoint is a small part of what is timed, less than the same
    # endpoint differs from itself on a busy machine.
    for way in ("the endpoint", "in Starlette"):
        yield from _at_most(http, f"eventrouter, {way}", f"by hand, {way}", (1.0, 1.0, 1.0))


def _upcasts(upcasts: Mapping[str, Any]) -> Iterator[Target]:
    for kind in ("msgspec", "standard library"):
        seconds = upcasts.get(kind, {})
        for name, reference, limit in (
            ("v1 to v5, upcast", "v1, then four calls", 1.05),
            ("v5", "v5, no upcasters", 1.05),
        ):
            measured = name in seconds and reference in seconds
            ratio = seconds[name] / seconds[reference] if measured else None
            yield Target(f"{kind}: {name} / {reference}", ratio, limit)


def _policies(policies: Mapping[str, Any]) -> Iterator[Target]:
    for name, reference in (
        ("retry=", "no policy"),
        ("timeout=", "anyio.fail_after in the handler"),
    ):
        is_measured = name in policies and reference in policies
        ratio = policies[name] / policies[reference] if is_measured else None
        yield Target(f"{name} / {reference}", ratio, 1.05)


def _sleeping(sleeping: Mapping[str, Any]) -> Iterator[Target]:
    for concurrency, limit in (("100", 1.2), ("1000", 1.5)):
        found = sleeping.get(concurrency)
        ratio = found["seconds"]["dispatch_many"] / found["ideal"] if found else None
        yield Target(
            f"handlers that sleep 10 ms, {int(concurrency):,} at a time / ideal", ratio, limit
        )


def _memory(memory: Mapping[str, Any]) -> Iterator[Target]:
    held = memory.get("bytes")
    spread = (max(held.values()) - min(held.values())) / 2**20 if held else None
    events = f"{memory.get('events', 1_000_000):,} events"
    yield Target(f"{events} through dispatch_many: memory grows by", spread, 10.0, unit="MB")


def _stores(stores: Mapping[str, Any]) -> Iterator[Target]:
    seconds = stores.get("seconds", {})
    in_memory_and_files = ("memory", "SQLite", "SQLite, the disk not waited for")
    for store in (*in_memory_and_files, "PostgreSQL", "PostgreSQL, in a transaction"):
        found = seconds.get(store, {})
        few, many = found.get("1000"), found.get("1000000")
        ratio = many / few if few and many else None
        yield Target(f"{store}: claim and complete, 1,000,000 keys / 1,000", ratio, 1.5)


def _poison(poison: Mapping[str, Any]) -> Iterator[Target]:
    for store in ("memory", "SQLite", "SQLite, the disk not waited for"):
        found = poison.get("seconds", {}).get(store)
        ratio = found["with"] / found["without"] if found else None
        yield Target(f"{store}: others' 95th percentile, with poison events / without", ratio, 2.0)


def _brokers(brokers: Mapping[str, Any]) -> Iterator[Target]:
    for broker, rates in brokers.get("events_a_second", {}).items():
        ours = rates[OURS]
        by_hand = f"{broker}: events a second, consume() / the client by hand"
        yield Target(by_hand, ours / rates[BY_HAND], 0.8, at_most=False)
        name = f"{broker}: events a second, consume() / FastStream's typed subscriber"
        yield Target(name, ours / rates[FASTSTREAM], 1.0, at_most=False)
