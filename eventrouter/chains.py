"""Which versions of an event type lead to which, through upcasters, and in what order they came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from eventrouter.errors import RegistrationError, listed, quoted
from eventrouter.signature import Named
from eventrouter.upcasters import Upcaster, refuse_misfit
from eventrouter.upcasting import UpcastPath

_NUMBER = re.compile(r"([0-9]+)")


class Chains:
    """
    The upcasters of all event types, and the declared orders of versions.

    Args:
        upcasters: One at most for each type and version that it takes.
        orders: The versions of a type, the oldest first.

    Raises:
        RegistrationError: If two upcasters take one version, they go round in a circle, one goes
            back in the declared order, or one returns what the next does not take.
    """

    def __init__(self, upcasters: Iterable[Upcaster], orders: Mapping[str, Sequence[str]]) -> None:
        # event type -> version -> the upcaster that takes it
        self._by_source: dict[str, dict[str, Upcaster]] = {}
        self.orders = orders
        for upcaster in upcasters:
            by_source = self._by_source.setdefault(upcaster.event_type, {})
            other = by_source.setdefault(upcaster.source, upcaster)
            if other is not upcaster:
                raise duplicate(upcaster.event_type, upcaster.source, other.named, upcaster.named)
        for by_source in self._by_source.values():
            _refuse_cycles(by_source)
            for upcaster in by_source.values():
                _refuse_backwards(upcaster, orders.get(upcaster.event_type, ()))
                following = by_source.get(upcaster.target)
                if following is not None:
                    refuse_misfit(upcaster, following)
        # (event type, version, version) -> the path between, so that it is worked out once
        self._paths: dict[tuple[str, str, str], UpcastPath] = {}

    def upcasters(self) -> tuple[Upcaster, ...]:
        """All upcasters, as they were declared."""
        return tuple(u for by_source in self._by_source.values() for u in by_source.values())

    def types(self) -> tuple[str, ...]:
        """The event types that have upcasters."""
        return tuple(self._by_source)

    def sources(self, event_type: str) -> tuple[str, ...]:
        """The versions of a type that an upcaster takes."""
        return tuple(self._by_source.get(event_type, ()))

    def reached(self, event_type: str, version: str | None) -> dict[str | None, int]:
        """The versions that one leads to, itself too -> through how many upcasters."""
        reached = {version: 0}
        if version is not None:
            for upcaster in _following(self._by_source.get(event_type, {}), version):
                reached[upcaster.target] = len(reached)
        return reached

    def path(self, event_type: str, source: str, target: str) -> UpcastPath:
        """The upcasters from one version to another that it leads to."""
        key = (event_type, source, target)
        path = self._paths.get(key)
        if path is None:
            steps: list[Upcaster] = []
            for upcaster in _following(self._by_source[event_type], source):
                steps.append(upcaster)
                if upcaster.target == target:
                    break
            path = self._paths[key] = UpcastPath(tuple(steps))
        return path

    def refuse_dead_ends(self, handles: Callable[[str, str], bool]) -> None:
        """
        Refuse upcasters that lead to no handler.

        Args:
            handles: Whether a handler is there for a type and version, by that version's name.

        Raises:
            RegistrationError: If one does, naming it and the last on its way.
        """
        for event_type, by_source in self._by_source.items():
            for upcaster in by_source.values():
                on_its_way = list(_following(by_source, upcaster.source))
                if not any(handles(event_type, step.target) for step in on_its_way):
                    last = on_its_way[-1]
                    beyond = "" if last is upcaster else f", and then {last.named}"
                    raise RegistrationError(
                        f"{quoted(event_type)}: {upcaster.named} upcasts "
                        f"{quoted(upcaster.source)}{beyond}, but no handler is registered for "
                        f"version {listed([step.target for step in on_its_way])}"
                    )

    def in_order(self, event_type: str, versions: Iterable[str]) -> list[str]:
        """The versions, each once, as they were declared to have come; or else sorted."""
        order = self.orders.get(event_type, ())
        place = {version: index for index, version in enumerate(order)}
        return sorted(set(versions), key=lambda v: (place.get(v, len(place)), v))

    def is_newer(self, event_type: str, version: str, known: Iterable[str]) -> bool:
        """
        Whether a version came after all that are known, by the order declared for the type.

        One that the order does not list counts as newer than it if it is written like those it
        lists, text and numbers, their numbers rise, and its numbers are higher: ``v4``, after
        ``v1``, ``v2`` and ``v3``.
        """
        order = list(self.orders.get(event_type, ()))
        if not order:
            return False
        if version not in order:
            return all(_is_numbered_after(b, a) for a, b in pairwise([*order, version]))
        later = set(order[order.index(version) :])
        return not later.intersection(known)


def duplicate(event_type: str, version: str, one: Named, other: Named) -> RegistrationError:
    """The error of two upcasters that take one version."""
    return RegistrationError(
        f"{quoted(event_type)}: {one} and {other} both upcast {quoted(version)}; a version has "
        "one way on"
    )


def _following(by_source: Mapping[str, Upcaster], version: str) -> Iterator[Upcaster]:
    """The upcasters from a version on; they do not go round in a circle."""
    while version in by_source:
        upcaster = by_source[version]
        yield upcaster
        version = upcaster.target


def _refuse_cycles(by_source: Mapping[str, Upcaster]) -> None:
    ended: set[str] = set()  # versions whose way on is known to end
    for source in by_source:
        way: dict[str, Upcaster] = {}
        version = source
        while version in by_source and version not in ended:
            if version in way:
                circle = list(way.values())[list(way).index(version) :]
                steps = ", ".join(map(str, circle))
                raise RegistrationError(
                    f"{quoted(circle[0].event_type)}: upcasters go round in a circle: {steps}"
                )
            way[version] = by_source[version]
            version = way[version].target
        ended |= way.keys()


def _refuse_backwards(upcaster: Upcaster, order: Sequence[str]) -> None:
    places = [order.index(v) for v in (upcaster.source, upcaster.target) if v in order]
    if places != sorted(places):
        raise RegistrationError(
            f"{upcaster.named} upcasts {quoted(upcaster.event_type)} from "
            f"{quoted(upcaster.source)} back to {quoted(upcaster.target)}, by the order in "
            f"router.versions(): {listed(order)}"
        )


def _is_numbered_after(version: str, before: str) -> bool:
    one, other = _NUMBER.split(version), _NUMBER.split(before)
    if len(one) == 1 or one[::2] != other[::2]:
        return False
    return list(map(_as_number, one[1::2])) > list(map(_as_number, other[1::2]))


def _as_number(digits: str) -> tuple[int, str]:
    # Not an integer: there may be more digits than Python reads as one.
    significant = digits.lstrip("0")
    return len(significant), significant
