"""Events that a router takes, made up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from types import MappingProxyType
from uuid import UUID

from eventrouter.errors import MalformedEvent, NoExample, quoted
from eventrouter.event import Event
from eventrouter.json import Raw
from eventrouter.schemas.keywords import Schema
from eventrouter.schemas.samples import NoSample, Sampler

_ATTEMPTS = 100
_EXTRA = ("faker", "polyfactory")
_START = datetime(2024, 1, 1, tzinfo=UTC)
_YEAR = 366 * 86_400  # seconds


def example_event(
    event_type: str,
    version: str | None,
    schema: Schema,
    seed: int,
    refusal_of: Callable[[Event[Raw]], Exception | None],
) -> Event[Raw]:
    """
    An event whose payload fits the schema, and which is not refused.

    Args:
        event_type: Its type.
        version: Its version.
        schema: The schema of its payload.
        seed: Another number gives another event.
        refusal_of: Why an event is refused, or None.

    Raises:
        NoExample: If none was found, or what makes them up is not installed.
    """
    try:
        sampler = Sampler(schema, seed)
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise NoExample("examples need the extra: pip install 'eventrouter[examples]'") from error
    random = Random(f"{event_type} {version} {seed}")
    told = {"version": version} if version else {}
    reason = "nothing fits its schema"
    for _ in range(_ATTEMPTS):
        try:
            payload = sampler.sample()
        except NoSample:
            continue
        moment = _START + timedelta(seconds=random.randrange(_YEAR))
        identity = str(UUID(int=random.getrandbits(128), version=4))
        # Not every envelope has a place for all of it.
        for more in ({"id": identity, "source": "example"}, {"id": identity}, {}):
            event = Event(event_type, payload, moment, MappingProxyType({**more, **told}))
            refusal = refusal_of(event)
            if refusal is None:
                return event
            reason = str(refusal)
            if not isinstance(refusal, MalformedEvent):
                break
    described = quoted(event_type) + (f" {version}" if version else "")
    raise NoExample(f"found no example of {described}: {reason}")
