"""The partitions that a consumer has, of each of which one event is processed at a time."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# The client has no types.

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from anyio import current_time

from eventrouter.integrations.faststream.kafka.marks import CLEAN, RUNNING, Mark

ENOUGH = 200  # records of a partition that are held, so that Kafka need not be asked for each


class Lane:
    """
    One partition, for as long as it is assigned to this consumer.

    Args:
        at: The partition.
        token: What tells this assignment from others.
    """

    def __init__(self, at: TopicPartition, token: str) -> None:
        self.at = at
        self.token = token
        self.is_lost = False
        self.is_busy = False
        self.is_known = False  # whether it was asked what is kept beside its offset
        self.mark = CLEAN  # of the first record
        self.wary = 0  # records that are not to be begun before Kafka knows
        self.position: int | None = None  # the offset of the first record that is not settled
        self.due = 0.0
        self.records = deque[Any]()
        self.settled: int | None = None  # the offset of the next record, once it can be committed

    @property
    def is_ready(self) -> bool:
        """Whether its first record can be taken."""
        return (
            bool(self.records) and self.is_known and not self.is_busy and self.due <= current_time()
        )

    @property
    def is_wary(self) -> bool:
        """Whether Kafka has to know before its first record is begun."""
        return self.wary > 0 or self.mark.failed > 0

    def learn(self, mark: Mark) -> None:
        """Begin with what the process before left beside the offset."""
        self.mark = mark
        # One that left in order has no event left that it had begun.
        self.wary = ENOUGH if mark.unsure else 1
        self.is_known = True

    def take(self) -> Any:
        """Take the first record."""
        self.is_busy = True
        record = self.records.popleft()
        self.position = record.offset
        return record

    def settle(self, record: Any) -> None:
        """Go on to the next record."""
        self.settled = self.position = record.offset + 1
        self.wary = max(self.wary - 1, 0)
        self.mark = RUNNING if self.wary else CLEAN
        self.due = 0.0
        self.is_busy = False

    def give_back(self, record: Any, delay: float, *, charge: bool) -> None:
        """Have the record be the first again, after a while."""
        self.records.appendleft(record)
        if charge:
            self.mark = self.mark.once_failed
        self.due = current_time() + delay
        self.is_busy = False


class Lanes(ConsumerRebalanceListener):  # type: ignore[misc]
    """
    All partitions that are assigned; those that another has got are lost.

    Args:
        before_lost: Commits what was settled.
    """

    def __init__(self, before_lost: Callable[[], Awaitable[None]]) -> None:
        self._before_lost = before_lost
        self._lanes = dict[TopicPartition, Lane]()
        self._tokens = count(1)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def lane_of(self, at: TopicPartition) -> Lane:
        """The lane of a partition, as it is assigned now."""
        if at not in self._lanes:
            self._lanes[at] = Lane(at, str(next(self._tokens)))
        return self._lanes[at]

    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, revoked: Any
    ) -> None:
        """Forget all of them: what was in flight is not committed by who lost it."""
        await self._before_lost()
        self.lose()

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: Any
    ) -> None:
        """Begin anew with those that are assigned."""
        self.lose()

    def lose(self) -> None:
        """Forget all of them."""
        for lane in self._lanes.values():
            lane.is_lost = True
        self._lanes.clear()
