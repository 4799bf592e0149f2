"""One event read in three ways: standard library and cattrs, msgspec and cattrs, straight."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import anyio
import attrs
from cattrs import Converter

from eventrouter import Event, InvalidPayload, Result, Router
from eventrouter.envelope import NO_HEADERS
from eventrouter.event import now

TYPE = "order.paid"


def raw_of(payload: bytes) -> bytes:
    """An event with that JSON as its payload."""
    return b'{"event_type": "order.paid", "payload": %s}' % payload


class ThreeWays:
    """
    Three routers of one handler each, which returns the payload.

    Args:
        target: The type of the payload.
        converter: What builds it.
    """

    def __init__(self, target: Any, converter: Converter | None = None) -> None:
        self.plain = _router(target, converter)
        with patch.dict(sys.modules, {"msgspec": None}):
            self.plain.compile()
        self.general = _router(target, converter)

        @self.general.before
        async def looks(event: Event[Any]) -> None: ...  # so that the handler is not alone

        self.straight = _router(target, converter)

    async def process(self, raw: bytes) -> tuple[Result, Result, Result]:
        """What became of the event in each way."""
        # How a type is read is worked out at its first event.
        await self.straight.process(raw_of(b"null"))
        return (
            await self.plain.process(raw),
            await self.general.process(raw),
            await self.straight.process(raw),
        )

    def run(self, raw: bytes) -> tuple[Result, Result, Result]:
        """Do what ``process`` does, in an event loop of its own."""
        return anyio.run(self.process, raw)

    def is_straight(self, raw: bytes) -> bool:
        """Whether the event does not need the general way, once one like it was processed."""
        return is_read_straight(self.straight, raw)

    def way(self) -> str:
        """How payloads of the type are read straight."""
        reader = self.straight._dispatcher()._straight
        assert reader is not None
        readings = reader._known.get(TYPE, {})
        return "".join(str(reading.way) for reading in readings.values())


def is_read_straight(router: Router, raw: bytes) -> bool:
    """Whether an event of a type that was processed before does not need the general way."""
    reader = router._dispatcher()._straight
    if reader is None:
        return False
    needs_more = AssertionError("it needs the general way")
    with patch.object(reader, "_otherwise", side_effect=needs_more):
        try:
            reader.prepare(raw, NO_HEADERS)
        except AssertionError:
            return False
    return True


def _router(target: Any, converter: Converter | None) -> Router:
    router = Router(converter=converter)

    async def handle(payload: Any) -> Any:
        return payload

    handle.__annotations__ = {"payload": target}
    router.on(TYPE)(handle)
    return router


def outcome(result: Result) -> Any:
    """All of it that may not depend on the way, so that what differs anywhere is unequal."""
    values = [shown(handler.value) for handler in result.handlers]
    return result.status, values, _shown_error(result.error), _shown_event(result.event)


def shown(value: Any) -> Any:
    """The value with the types of all that is in it; ``1`` is not ``1.0``, but NaN is NaN."""
    if isinstance(value, dict):
        return dict, [(name, shown(member)) for name, member in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [shown(item) for item in value]
    if attrs.has(type(value)) or hasattr(value, "__dataclass_fields__"):
        return type(value), _attributes(value)
    return type(value), repr(value)


def _attributes(value: Any) -> Any:
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    in_slots = [(s, shown(getattr(value, s))) for s in slots if s[:2] != "__" and hasattr(value, s)]
    in_dict = {name: shown(held) for name, held in getattr(value, "__dict__", {}).items()}
    return in_slots, in_dict


def _shown_error(error: Exception | None) -> Any:
    if isinstance(error, InvalidPayload):
        return (
            InvalidPayload,
            error.payload_type,
            [(mismatch.path, mismatch.expected, mismatch.got) for mismatch in error.errors],
        )
    return type(error), str(error)


def _shown_event(event: Event[Any] | None) -> Any:
    if event is None:
        return None
    is_of_reading = abs(event.timestamp - now()) < timedelta(minutes=1)
    return (
        event.type,
        event.version,
        shown(event.payload),
        shown(dict(event.metadata)),
        shown(dict(event.extensions)),
        "when it was read" if is_of_reading else repr(event.timestamp),
    )
