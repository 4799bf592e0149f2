"""Deliveries as they come in practice."""

from __future__ import annotations

from eventrouter.envelope import NO_HEADERS, Headers
from eventrouter.json import Raw
from eventrouter.result import Result
from eventrouter.router import Router


async def deliver_twice(
    router: Router, raw: Raw, headers: Headers = NO_HEADERS
) -> tuple[Result, Result]:
    """
    Process an event, and the same again, as whoever delivers at least once may do.

    Args:
        router: The router.
        raw: JSON as bytes or text, or a mapping parsed from it.
        headers: What came beside it.

    Returns:
        What became of each.
    """
    return await router.process(raw, headers), await router.process(raw, headers)
