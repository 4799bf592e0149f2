"""Taking entries from a stream: new ones, those that are due, and those that were left."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from attrs import frozen

from eventrouter.event import now
from eventrouter.integrations.faststream.redis import scripts
from eventrouter.integrations.faststream.redis.fields import Fields
from eventrouter.integrations.faststream.redis.server import Server, failing

_FORGOTTEN: Final = 300_000  # milliseconds after which a consumer who has nothing is forgotten


@frozen
class Taken:
    """
    What was taken.

    Attributes:
        id: Its id in the stream.
        fields: Its fields.
        times: How often it was taken, this time too.
        failed: How often it failed.
    """

    id: str
    fields: Fields
    times: int = 1
    failed: int = 0


@frozen
class Recovered:
    """
    What was found that is not new.

    Attributes:
        taken: What was taken.
        deleted: How many entries were not there any more.
        wait: The seconds until the next is due.
    """

    taken: list[Taken]
    deleted: int
    wait: float


async def recover(
    server: Server, consumer: str, limit: int, lease: float, held: Iterable[str] | None
) -> Recovered:
    """
    Take what is due, and what others were killed with.

    Args:
        server: The server.
        consumer: Who takes it.
        limit: How many entries at most.
        lease: The seconds after which one is taken from who has it and does not keep it.
        held: What the consumer has, as far as it knows; None if others go by the same name.

    Raises:
        GroupGone: If there is no such group.
        StoreError: If the server does not answer, or refuses.
    """
    found, deleted, wait = await server.run(
        scripts.RECOVER,
        consumer,
        max(1, round(lease * 1_000)),
        limit,
        _FORGOTTEN,
        int(held is not None),
        *(held or ()),
    )
    taken = [
        Taken(id.decode(), dict(zip(data[::2], data[1::2], strict=True)), times, failed)
        for id, data, times, failed in found
    ]
    return Recovered(taken, deleted, wait / 1_000 if wait >= 0 else math.inf)


async def read(server: Server, consumer: str, limit: int, wait: float) -> list[Taken]:
    """
    Take what is new.

    Args:
        server: The server.
        consumer: Who takes it.
        limit: How many entries at most.
        wait: How many seconds to wait for one.

    Raises:
        GroupGone: If there is no such group.
        StoreError: If the server does not answer, or refuses.
    """
    block = round(wait * 1_000) or None  # 0 would be for ever
    with failing(server.client):
        found: Any = await server.client.xreadgroup(
            server.group, consumer, {server.stream: ">"}, count=limit, block=block
        )
    return [Taken(id.decode(), data) for id, data in _entries(found)]


def _entries(found: Any) -> Iterable[tuple[bytes, Fields]]:
    """The entries of a stream, as either version of the protocol gives them."""
    if hasattr(found, "values"):
        return chain.from_iterable(chain.from_iterable(found.values()))
    return chain.from_iterable(entries for _, entries in found or ())


def received(id: str) -> datetime:
    """When an entry came, which its id begins with unless the producer chose another."""
    try:
        return datetime.fromtimestamp(int(id.partition("-")[0]) / 1_000, UTC)
    except (ValueError, OverflowError, OSError):
        return now()
