"""What the scenarios need of a broker, and what its own fixture gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from attrs import frozen

from eventrouter.integrations.faststream.queues import BrokerQueue, connection_of


@frozen
class Letter:
    """A dead letter as it lies in the broker."""

    raw: bytes
    headers: Mapping[str, str]


def queue_of(
    *, lease: float | None = None, session: float | None = None, **connection: Any
) -> BrokerQueue:
    """
    A queue, as a process makes it.

    Args:
        lease: For how long an event is left to a process that was killed, in seconds.
        session: The same of a partition of Kafka, in seconds.
        connection: The arguments of ``connection_of``.
    """
    queue: Any = connection_of(**connection).queue
    if lease is not None:
        queue.lease = lease
    if session is not None:
        queue._settings["session_timeout_ms"] = int(session * 1000)
        queue._settings["heartbeat_interval_ms"] = int(session * 250)
    return cast("BrokerQueue", queue)


class Rig(Protocol):
    """
    Names on a broker that are of one test alone; all is deleted at its end.

    The fixture ``rig`` of a broker's folder gives one, and ``class TestX(Scenarios)`` in it runs
    all scenarios.

    Attributes:
        tells_failures: Whether the broker's queue tells an event that failed from one that ended
            its process, and charges nothing for what is given back without a fault.
        keeps_order: Whether a process gets the events in the order in which they were published.
    """

    tells_failures: bool
    keeps_order: bool

    def queue(self, group: str, *, lease: float = 30.0) -> BrokerQueue:
        """
        A queue of the test's events, as a process of its own would make it; it declares.

        Args:
            group: The group that it belongs to.
            lease: For how long an event is left to a process that was killed, in seconds, where
                the broker goes by that.
        """
        ...

    def connection(self, group: str) -> dict[str, Any]:
        """
        The arguments of ``queue_of`` for the same, ``url`` among them.

        A ``lease`` or a ``session`` besides, of a second or so, where a process goes by its own
        and not by the broker's.
        """
        ...

    async def publish(self, raw: bytes, headers: Mapping[str, str] = ...) -> None:
        """Publish bytes, confirmed; the queues of a group get it once they were opened once."""
        ...

    async def dead_letters(self, group: str) -> list[Letter]:
        """The dead letters of a group, the oldest first."""
        ...

    async def cut(self) -> None:
        """Cut all connections to the broker, from its side; it takes new ones at once."""
        ...
