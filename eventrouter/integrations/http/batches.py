"""The events in a body, one or many."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, cast

from attrs import evolve

from eventrouter.envelope import Headers
from eventrouter.errors import MalformedEvent
from eventrouter.integrations.http.answers import Refused, problem
from eventrouter.integrations.http.heads import Head, Shape
from eventrouter.json import decode, encode
from eventrouter.kinds import described
from eventrouter.limits import Limits
from eventrouter.result import Status

#: What the router is given: an event as bytes, and the headers that came with it.
Delivery: TypeAlias = tuple[bytes, Headers]

_EVENT: Final = {Shape.CLOUDEVENTS: "application/cloudevents+json", Shape.LINES: "application/json"}


def split(body: bytes, head: Head, limits: Limits, most: int) -> list[Delivery]:
    """
    The events of a batch, each as it would come alone.

    Args:
        body: The body.
        head: What came before it.
        limits: How much of each event is read.
        most: How many events there may be.

    Raises:
        Refused: If the body is no batch, or there are too many.
    """
    if head.shape is Shape.LINES:
        lines = (line.removesuffix(b"\r") for line in body.split(b"\n"))
        events = [line for line in lines if line and not line.isspace()]
    else:
        events = _items(body, limits)
    if len(events) > most:
        raise Refused(problem(413, f"the batch has {len(events):,} events; {most:,} are taken"))
    headers = _headers_of_one(head)
    # Written anew, so that each is what it would be alone: bytes, read within the limits.
    return [(e if isinstance(e, bytes) else encode(e), headers) for e in events]


def _items(body: bytes, limits: Limits) -> list[Any]:
    try:
        tree = decode(body, evolve(limits, max_depth=limits.max_depth + 1))
    except MalformedEvent as error:
        raise Refused(problem(400, str(error), outcome=Status.MALFORMED)) from None
    if not isinstance(tree, list):
        raise Refused(
            problem(400, f"a batch is a JSON array, not {described(tree)}", outcome="malformed")
        )
    return cast("list[Any]", tree)


def _headers_of_one(head: Head) -> Headers:
    media_type = _EVENT.get(head.shape)
    return head.headers if media_type is None else {**head.headers, "content-type": media_type}
