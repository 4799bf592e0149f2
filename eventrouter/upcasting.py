"""Upcasting: the way of a payload from the version it has to one that has a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, TypeAlias, cast

from attrs import Factory, field, frozen
from cattrs import Converter

from eventrouter.event import Event, upcast_event
from eventrouter.payload import PayloadBuilder
from eventrouter.structuring.refusal import Hook
from eventrouter.upcasters import Handover, Upcaster, handover


@frozen(eq=False)
class UpcastPath:
    """
    The upcasters from one version to a later one, one after the other.

    Args:
        steps: The upcasters; there is at least one.
    """

    steps: tuple[Upcaster, ...]
    # What hands the result of each on to the next, but for the last.
    _handovers: tuple[Handover | None, ...] = field(
        init=False, repr=False, default=Factory(lambda self: _handovers(self), takes_self=True)
    )

    def __str__(self) -> str:
        return " -> ".join(self.versions)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions on it, the event's own first."""
        return (self.steps[0].source, *(upcaster.target for upcaster in self.steps))

    def upcast(self, event: Event[Any]) -> Event[Any]:
        """
        The event in the last version, its payload as the last upcaster returned it.

        Raises:
            InvalidPayload: If the payload does not fit, or an upcaster fails.
            RegistrationError: If nothing builds what one takes.
        """
        first = self.steps[0].builder
        payload = event.payload if first is None else first(event)
        changes: dict[str, str] = {}
        for upcaster, handing_over in zip(self.steps, (*self._handovers, None), strict=True):
            try:
                upcast, more = upcaster(payload)
            except Exception as error:
                raise upcaster.refused(event, payload, error) from error
            changes |= more
            payload = upcast if handing_over is None else handing_over.explained(event, upcast)
        return upcast_event(event, payload, self.steps[-1].target, changes)

    def with_json(self, upcast: Event[Any]) -> Event[Any]:
        """
        What ``upcast`` gave, with its payload as JSON.

        Raises:
            InvalidPayload: If it can't be written.
        """
        to_json = handover(self.steps[-1], None)
        if to_json is None:
            return upcast
        return upcast.with_payload(to_json.explained(upcast, upcast.payload))

    def follow(self, first: PayloadBuilder | None, finish: Handover | None) -> Hook:
        """
        A function that does what ``upcast`` does, and no more than it must.

        It raises whatever comes of a payload that does not fit: ``upcast`` is there to say why.
        It is written out step by step, as a loop would add its own time to each call.

        Args:
            first: What builds what the first upcaster takes; None if that is what it is given.
            finish: How what the last upcaster returned becomes what the handler takes.
        """
        lines, names = ["def follow(payload, target):"], dict[str, Any]()
        if first is not None:
            names["build"] = first.build
            lines.append("    payload = build(payload, target)")
        handovers = (*self._handovers, finish)
        for number, (upcaster, hand_over) in enumerate(zip(self.steps, handovers, strict=True)):
            names[f"upcast{number}"] = _returning_payload(upcaster)
            names[f"usual{number}"] = upcaster.returned[0]
            names[f"possible{number}"] = upcaster.returned
            lines += [
                f"    payload = upcast{number}(payload)",
                f"    if payload.__class__ is not usual{number} and not "
                f"isinstance(payload, possible{number}):",
                "        raise TypeError",
            ]
            if hand_over is not None:
                names[f"hand_over{number}"] = hand_over
                lines.append(f"    payload = hand_over{number}(payload)")
        lines.append("    return payload")
        exec("\n".join(lines), names)
        return cast(Hook, names["follow"])


@frozen(eq=False)
class UpcastBuilder:
    """
    Builds the payload that a handler takes from that of an older version.

    Args:
        path: The upcasters between the two.
        type: The type that the first of them takes.
        build: What builds from JSON, fast.
        rest: What builds from that type, fast.
        finish: How what the last upcaster returned becomes what the handler takes.
        converter: What builds that type.
    """

    path: UpcastPath
    type: Any
    build: Hook = field(repr=False)
    rest: Hook = field(repr=False)
    finish: Handover | None = field(repr=False)
    converter: Converter = field(repr=False)

    def __call__(self, event: Event[Any]) -> Any:
        """
        The payload, of an event as it came.

        Raises:
            InvalidPayload: If it does not fit, or an upcaster fails.
            RegistrationError: If nothing builds a type on the way.
        """
        return self.of_upcast(self.path.upcast(event))

    def explained(self, event: Event[Any], first: Exception) -> Any:
        """
        Build it again, step by step, to say why it was refused.

        Raises:
            InvalidPayload: If it is refused again, saying where and at which step.
            RegistrationError: If nothing builds a type on the way.
        """
        return self(event)

    def of_upcast(self, upcast: Event[Any]) -> Any:
        """
        The payload, of an event that its path has upcast.

        Raises:
            InvalidPayload: If what the last upcaster returned is not what the handler takes.
            RegistrationError: If nothing builds that.
        """
        if self.finish is None:
            return upcast.payload
        return self.finish.explained(upcast, upcast.payload)


#: What builds the payload of a handler.
Builder: TypeAlias = PayloadBuilder | UpcastBuilder


def make_upcast_builder(path: UpcastPath, builder: PayloadBuilder | None) -> UpcastBuilder:
    """What builds, from the first version on the path, what is built of the last by a builder."""
    upcaster = path.steps[0]
    first, finish = upcaster.builder, handover(path.steps[-1], builder)
    return UpcastBuilder(
        path,
        Any if first is None else first.type,
        path.follow(first, finish),
        path.follow(None, finish),
        finish,
        upcaster.converter,
    )


def build_payloads(
    builders: Iterable[Builder], event: Event[Any], upcast: Event[Any] | None
) -> dict[Builder, Any]:
    """
    The payload of each builder.

    Args:
        builders: All of them along one path, if the event was upcast.
        event: The event as it came.
        upcast: What the path made of it, if there is one; so its upcasters are called once.

    Raises:
        InvalidPayload: If it does not fit.
        RegistrationError: If nothing builds a type.
    """
    if upcast is None:
        return {builder: builder(event) for builder in builders}
    return {b: b.of_upcast(upcast) for b in builders if isinstance(b, UpcastBuilder)}


def _handovers(path: UpcastPath) -> tuple[Handover | None, ...]:
    return tuple(handover(one, other.builder) for one, other in pairwise(path.steps))


def _returning_payload(upcaster: Upcaster) -> Callable[[Any], Any]:
    if not upcaster.conversion.changes_metadata:
        return upcaster.function
    return lambda payload: upcaster(payload)[0]
