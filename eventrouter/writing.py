"""Writing an event, its payload of any type that a converter knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cattrs import Converter

from eventrouter.envelope import Envelope
from eventrouter.errors import MalformedEvent
from eventrouter.event import Event


def written(
    event: Event[Any], envelope: Envelope, converter: Converter
) -> tuple[bytes, dict[str, str]]:
    """
    The bytes and the headers of an event in an envelope.

    Raises:
        MalformedEvent: If the event can't be written so that it is read back.
    """
    # Asked for by name, as isinstance() takes longer for a protocol than all the rest.
    writes_bytes: Callable[[Event[Any]], bool] | None = getattr(envelope, "writes_bytes", None)
    if writes_bytes is not None and writes_bytes(event):
        return envelope.write(event)
    try:
        payload = converter.unstructure(event.payload)
    except Exception as error:
        raise MalformedEvent(f"the payload can't be written: {error}") from error
    return envelope.write(event.with_payload(payload))
