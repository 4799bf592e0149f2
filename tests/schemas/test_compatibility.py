"""Which handlers of the old code are compared with which of the new."""

from __future__ import annotations

from typing import Any

import pytest

from eventrouter import Router
from eventrouter.schemas.compatibility import Mode, compatibility
from tests.schemas.contracts import broken, taking

Routes = list[tuple[Any, ...]]


def document(*routes: tuple[Any, ...], **options: Any) -> dict[str, Any]:
    """Of routes: pattern, version, payload type and perhaps a condition."""
    router = Router(**options)
    for pattern, version, target, *where in routes:
        router.add_route(
            pattern, taking(target), version=version, where=where[0] if where else None
        )
    return router.schema()


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        # A pattern takes what an exact handler took.
        ([("a.b", "v1", int)], [("a.*", None, int)], []),
        ([("a.b", "v1", int)], [("a.*", None, str)], ["type-changed"]),
        ([("a.b", "v1", int)], [("a.*", "v2", int)], ["version-unknown"]),
        # An exact handler takes some of what a pattern took.
        ([("a.*", None, int)], [("a.*", None, int), ("a.b", None, str)], ["type-changed"]),
        ([("a.*", None, int)], [("a.*", None, int), ("a.b", None, float)], []),
        ([("a.*", None, int)], [("a.*", None, int), ("a.b", "v9", str)], ["type-changed"]),
        ([("a.*", None, int)], [("a.b", None, int)], ["event-unknown"]),
        # Wider and narrower patterns.
        ([("a.*", None, int)], [("a.**", None, int)], []),
        ([("a.**", None, int)], [("a.*", None, int)], ["event-unknown"]),
        ([("a.**", None, int)], [("**", None, int), ("a.*", None, int)], []),
        ([("a.*", None, int)], [("a.*", None, int), ("*.b", None, str)], ["type-changed"]),
        # Versions.
        ([("a.b", None, int)], [("a.b", "v1", int)], ["version-unknown"]),
        ([("a.b", None, int)], [("a.b", None, int), ("a.b", "v1", str)], ["type-changed"]),
        # Conditions: what they turn down goes to the next.
        (
            [("a.*", None, int)],
            [("a.*", None, int, {"x": 1}), ("**", None, int)],
            [],
        ),
        (
            [("a.*", None, int)],
            [("a.*", None, int, {"x": 1}), ("**", None, str)],
            ["type-changed"],
        ),
        (
            [("a.*", None, int, {"x": 1}), ("**", None, str)],
            [("a.*", None, int, {"x": 1}), ("**", None, str)],
            [],
        ),
        (
            [("a.*", None, int, {"x": 1}), ("**", None, str)],
            [("a.*", None, int)],
            ["event-unknown", "type-changed"],
        ),
    ],
)
def test_events_are_compared_as_they_are_routed(old: Routes, new: Routes, rules: list[str]) -> None:
    assert sorted(set(broken(document(*old), document(*new)))) == rules


def test_of_a_removed_event_all_versions_are_one_finding() -> None:
    old = document(("a.b", "v1", int), ("a.b", "v2", int), ("c", None, int))

    [finding] = compatibility(old, document(("c", None, int)))

    assert (finding.rule, finding.event_type, finding.version) == ("event-unknown", "a.b", None)
    assert finding.what == "old producers send it, new code knows no such event"


def test_a_removed_version_is_named() -> None:
    old = document(("a.b", "v1", int), ("a.b", "v2", int))

    [finding] = compatibility(old, document(("a.b", "v2", int)))

    assert (finding.rule, finding.version) == ("version-unknown", "v1")


def test_what_the_first_upcaster_takes_is_compared_with_the_removed_version() -> None:
    def upcasting(target: Any) -> dict[str, Any]:
        router = Router()

        def upcast(old: Any) -> dict[str, Any]:
            return {}

        upcast.__annotations__["old"] = target
        router.upcast("a.b", "v1", "v2")(upcast)
        router.add_route("a.b", taking(dict[str, int]), version="v2")
        return router.schema()

    old = document(("a.b", "v1", dict[str, int]))

    assert broken(old, upcasting(dict[str, float])) == []
    assert broken(old, upcasting(dict[str, str])) == ["type-changed"]


def test_a_handler_added_breaks_forward_only() -> None:
    old, new = document(("a", None, int)), document(("a", None, int), ("b", None, int))

    assert broken(old, new) == []
    assert broken(old, new, Mode.FORWARD) == ["event-unknown"]
    assert broken(old, new, Mode.FULL) == ["event-unknown"]


def test_full_finds_what_breaks_either_way() -> None:
    old, new = document(("a", None, int)), document(("a", None, str))

    found = compatibility(old, new, Mode.FULL)

    assert [(finding.rule, finding.direction.value) for finding in found] == [
        ("type-changed", "backward"),
        ("type-changed", "forward"),
    ]
