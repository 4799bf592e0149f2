"""Chains of upcasters made up at random: where an event goes is where a naive search says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import (
    Event,
    InvalidPayload,
    RegistrationError,
    Router,
    Status,
    UnknownVersion,
    UnroutedEvent,
)
from tests.routed import an_event

TYPE = "user.created"
VERSIONS = [f"v{number}" for number in range(8)]


@frozen
class Trail:
    """A payload that tells through which upcasters it went."""

    through: list[str]


def to(target: str, shape: str) -> Callable[[Any], Any]:
    """An upcaster that notes its target, typed, raw or with metadata."""

    def typed(old: Trail) -> Trail:
        return Trail([*old.through, target])

    def raw(old: dict[str, Any]) -> dict[str, Any]:
        return {"through": [*old["through"], target]}

    def mixed(old: dict[str, Any]) -> Trail:
        return Trail([*old["through"], target])

    def with_metadata(old: Trail) -> tuple[Trail, Mapping[str, str]]:
        return typed(old), {f"seen-{target}": "yes", "last": target}

    upcasters: list[Callable[[Any], Any]] = [typed, raw, mixed, with_metadata]
    return upcasters[SHAPES.index(shape)]


SHAPES = ["typed", "raw", "mixed", "with metadata"]
#: Version -> the version it leads to, and how.
edges = st.dictionaries(
    st.sampled_from(VERSIONS),
    st.tuples(st.sampled_from(VERSIONS), st.sampled_from(SHAPES)),
).map(lambda found: {v: edge for v, edge in found.items() if v != edge[0]})
handled = st.sets(st.sampled_from(VERSIONS), min_size=1)
prefixes = st.sampled_from(["", "crm.", "a.b."])


def chain(edges: Mapping[str, tuple[str, str]], version: str) -> list[str] | None:
    """The versions from one on; None if they go round in a circle."""
    found = [version]
    while found[-1] in edges:
        following, _ = edges[found[-1]]
        if following in found:
            return None
        found.append(following)
    return found


def make(
    edges: Mapping[str, tuple[str, str]], handled: set[str], prefix: str
) -> tuple[Router, list[Event[Any]]]:
    inner, seen = Router(), list[Event[Any]]()
    for source, (target, shape) in edges.items():
        inner.upcast(TYPE, source, target)(to(target, shape))
    for version in handled:

        @inner.on(TYPE, version=version, thread=False)
        def handle(event: Event[Trail], version: str = version) -> str:
            seen.append(event)
            return version

    router = Router()
    router.include(inner, prefix=prefix)
    return router, seen


@given(edges, handled, prefixes)
def test_the_nearest_handled_version_wins_and_circles_and_dead_ends_are_refused(
    edges: dict[str, tuple[str, str]], handled: set[str], prefix: str
) -> None:
    router, seen = make(edges, handled, prefix)
    chains = {version: chain(edges, version) for version in VERSIONS}
    leads_nowhere = [v for v in edges if not handled & set((chains[v] or [v])[1:])]
    if None in chains.values() or leads_nowhere:
        with pytest.raises(
            RegistrationError, match="circle" if None in chains.values() else "no handler"
        ):
            router.compile()
        return

    for version, versions in chains.items():
        assert versions is not None
        seen.clear()
        event = an_event(prefix + TYPE, {"through": []}, version=version)
        result = router.process_sync(event)
        way = next((versions[: n + 1] for n, v in enumerate(versions) if v in handled), None)
        if way is None:
            assert isinstance(result.error, UnknownVersion)
            assert set(result.error.known) == handled | set(edges)
            assert seen == []
            continue
        assert result.status is Status.HANDLED
        assert [handler.value for handler in result.handlers] == [way[-1]]
        assert result.upcasts == (tuple(way) if len(way) > 1 else ())
        assert seen[0].payload == Trail(way[1:])
        assert (seen[0].version, seen[0].original.version) == (way[-1], version)
        changing = [v for source, v in pairwise(way) if edges[source][1] == SHAPES[3]]
        assert {n[5:] for n in seen[0].metadata if n.startswith("seen-")} == set(changing)
        assert seen[0].metadata.get("last") == (changing[-1] if changing else None)
        assert router.explain(event).upcasts == result.upcasts


@given(
    st.lists(st.sampled_from(SHAPES), min_size=1, max_size=6),
    st.dictionaries(st.integers(1, 6), st.booleans(), min_size=1),
)
def test_where_conditions_decide_the_nearest_that_takes_it_wins(
    shapes: list[str], conditions: dict[int, bool]
) -> None:
    router = Router()
    last = max(conditions)
    shapes = (shapes * 6)[:last]
    for number, shape in enumerate(shapes):
        router.upcast(TYPE, f"v{number}", f"v{number + 1}")(to(f"v{number + 1}", shape))
    for number, takes in conditions.items():

        @router.on(TYPE, version=f"v{number}", where={"through": tree_of(number, takes)})
        def handle(payload: Trail) -> int:
            return len(payload.through)

    result = router.process_sync(an_event(TYPE, {"through": []}, version="v0"))

    nearest = min((number for number, takes in conditions.items() if takes), default=None)
    if nearest is None:
        assert type(result.error) is UnroutedEvent
    else:
        assert [handler.value for handler in result.handlers] == [nearest]
        assert len(result.upcasts) == nearest + 1


def tree_of(number: int, takes: bool) -> list[str]:
    return [f"v{n}" for n in range(1, number + 1)] if takes else ["nothing"]


@given(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=7), st.data())
def test_the_step_that_fails_is_the_one_that_is_named(
    shapes: list[str], data: st.DataObject
) -> None:
    broken = data.draw(st.integers(0, len(shapes) - 1))
    router = Router()

    def fail(old: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError

    for number, shape in enumerate(shapes):
        upcaster = fail if number == broken else to(f"v{number + 1}", shape)
        router.upcast(TYPE, f"v{number}", f"v{number + 1}")(upcaster)

    @router.on(TYPE, version=f"v{len(shapes)}")
    def handle(payload: Trail) -> None:
        raise AssertionError

    error = router.process_sync(an_event(TYPE, {"through": []}, version="v0")).error

    assert isinstance(error, InvalidPayload)
    assert error.step is not None
    assert error.step.startswith(f'from "v{broken}" to "v{broken + 1}" by ')
    assert isinstance(error.__cause__, ZeroDivisionError)
