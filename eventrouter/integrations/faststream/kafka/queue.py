"""The topics of Kafka, as workers take events from them."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# The client has no types.

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import anyio
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from eventrouter.errors import StoreError
from eventrouter.integrations.faststream.kafka.attached import Attached
from eventrouter.integrations.faststream.kafka.failures import place_of, told
from eventrouter.integrations.faststream.kafka.lanes import ENOUGH, Lane, Lanes
from eventrouter.integrations.faststream.kafka.marks import CLEAN, RUNNING, Mark, mark_of
from eventrouter.integrations.faststream.kafka.records import (
    KafkaEntry,
    entry_of,
    letter_headers,
)
from eventrouter.integrations.faststream.kafka.sending import Sending
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.letters import DeadLetter

_LEASE = 300.0  # Kafka has none; the seconds after which it takes partitions from who is silent
_PATIENCE = 1.0  # seconds to wait for an event
_CONNECTING = 15.0
_JOINING = 120.0  # who was killed is waited for until the group gives it up
_POLL = 200  # milliseconds that Kafka is asked to wait for records
_AGAIN = 1.0  # seconds before it is asked again after a failure


class KafkaEvents:
    """
    The events of topics, of each partition one after the other.

    Args:
        broker: FastStream's broker.
        topics: The topics.
        pattern: A regular expression of topics, instead of them.
        group: The group.
        dead_letters: The topic for events that can't be handled.
        settings: What FastStream's subscriber has set of the consumer.
    """

    def __init__(
        self,
        broker: Any,
        *,
        topics: list[str],
        pattern: str | None,
        group: str,
        dead_letters: str,
        settings: dict[str, Any],
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._pattern = pattern
        self._group = group
        self._dead_letters = dead_letters
        self._settings = settings
        self._at = place_of(broker)
        self._sending = Sending(broker)
        self._lanes = Lanes(self._commit_before_lost)
        self._attached = Attached()
        self._consumer: Any = None
        self._tasks = list[asyncio.Task[None]]()
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._committing = asyncio.Lock()  # so that none is overtaken by one from before
        self._failure: Exception | None = None
        self._has_connected = False
        self._is_stopped = False

    @property
    def place(self) -> str:
        """What it is called in messages."""
        return f"the topics {self._pattern or ', '.join(self._topics)}"

    @property
    def lease(self) -> float:
        """How long a consumer may be silent, in seconds."""
        return _LEASE

    async def prepare(self) -> None:
        """Connect."""
        is_new = self._broker._connection is None
        with told(self._at, "to connect"), anyio.fail_after(_CONNECTING):
            await self._broker.connect()
        self._has_connected = self._has_connected or is_new

    async def open(self, limit: int) -> None:
        """Connect, join the group, and begin to receive."""
        await self.prepare()
        self._is_stopped = False
        consumer: Any = self._broker.config.broker_config.builder(
            group_id=self._group, **{**self._settings, "enable_auto_commit": False}
        )
        consumer.subscribe(topics=self._topics, pattern=self._pattern, listener=self._lanes)
        try:
            with told(self._at, f"to join the group {self._group}"):
                with anyio.fail_after(_JOINING):
                    await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        self._tasks = [
            asyncio.create_task(self._receive(consumer)),
            asyncio.create_task(self._commit(consumer)),
        ]

    async def stop(self) -> None:
        """Take no more; what is in flight can still be settled."""
        self._is_stopped = True
        self._news.set()

    async def close(self) -> None:
        """Commit what was settled, and leave the group."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        consumer, self._consumer = self._consumer, None
        try:
            if consumer is not None:
                with told(self._at, "to commit what was settled"):
                    await self._commit_in_order(consumer)
        finally:
            self._lanes.lose()
            if consumer is not None:
                await consumer.stop()
            if self._has_connected:
                self._has_connected = False
                await self._broker.stop()

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """Take the first event of each partition of which none is in flight."""
        if not any(lane.is_ready for lane in self._lanes):
            self._news.clear()
            with anyio.move_on_after(self._longest_wait()):
                await self._news.wait()
        if self._is_stopped:
            return []
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise StoreError(
                f"Kafka at {self._at} gives nothing of {self.place}: {failure}"
            ) from failure
        ready = [lane for lane in self._lanes if lane.is_ready][:limit]
        wary = [lane for lane in ready if lane.is_wary]
        if wary:
            await self._mark(
                {lane: (lane.records[0].offset, lane.mark.once_begun) for lane in wary}
            )
        return [
            entry_of(lane.take(), lane, lane.mark, lane.token) for lane in ready if not lane.is_lost
        ]

    async def entry_of(self, message: Any) -> Entry:
        """The entry of a message that FastStream received itself."""
        return self._attached.entry_of(message)

    async def recede(self) -> None:
        """Nothing is to be done: what was not taken is not counted."""

    async def suspect(self, entry: Entry) -> None:
        """Keep beside the offset that the event is processed alone."""
        lane = _source_of(entry)
        if lane.is_lost:
            raise StoreError(f"another process has the partition of the event {entry.id} by now")
        offset = cast("KafkaEntry", entry).record.offset
        await self._mark({lane: (offset, lane.mark.once_suspected)})

    async def keep(self, entry: Entry, lease: float) -> bool:
        """Say whether the partition is still assigned here; there is nothing to renew."""
        return not _source_of(entry).is_lost

    async def done(self, entry: Entry) -> bool:
        """Have it be committed, once all before it of its partition are."""
        source = _source_of(entry)
        if source.is_lost:
            return False
        if not isinstance(source, Lane):
            with told(self._at, "to commit"):
                return await self._attached.done(entry)
        source.settle(cast("KafkaEntry", entry).record)
        self._settled.set()
        self._news.set()
        return True

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """Have it be the next of its partition again; those behind it wait with it."""
        source = _source_of(entry)
        if source.is_lost:
            return False
        if not isinstance(source, Lane):
            self._attached.give_back(entry, delay, charge=charge)
            return True
        source.give_back(cast("KafkaEntry", entry).record, delay, charge=charge)
        self._news.set()
        return True

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """Publish it to the topic for dead letters, and have it be committed."""
        if _source_of(entry).is_lost:
            return None
        taken = cast("KafkaEntry", entry)
        await self._sending.send(
            entry.raw,
            topic=self._dead_letters,
            key=taken.record.key,
            headers=letter_headers(taken, letter),
        )
        await self.done(entry)
        return entry.id

    async def count_entries(self) -> EntryCounts:
        """Say how many are in the partitions that are assigned here."""
        consumer = self._consumer
        if consumer is None:
            return EntryCounts(ready=0, waiting=0, taken=0)
        with told(self._at, "to count"):
            ends = dict[Any, int]()
            if assigned := list(consumer.assignment()):
                ends.update(await consumer.end_offsets(assigned))
            behind = 0
            for at, end in ends.items():
                behind += end - (await consumer.committed(at) or 0)
        taken = sum(lane.is_busy for lane in self._lanes)
        # Before any is assigned, there is no telling.
        return EntryCounts(ready=behind - taken if ends else 1, waiting=0, taken=taken)

    def _longest_wait(self) -> float:
        now = anyio.current_time()
        waits = [lane.due - now for lane in self._lanes if lane.due > now and not lane.is_busy]
        return min(_PATIENCE, *waits) if waits else _PATIENCE

    # What goes on beside the workers

    async def _receive(self, consumer: Any) -> None:
        """Ask without end, even for nothing: who does not ask is taken for dead."""
        while True:
            try:
                for at in consumer.assignment():
                    has_enough = len(self._lanes.lane_of(at).records) >= ENOUGH
                    (consumer.pause if has_enough else consumer.resume)(at)
                received = await consumer.getmany(timeout_ms=_POLL, max_records=ENOUGH)
                for at, records in received.items():
                    self._lanes.lane_of(at).records.extend(records)
                await self._learn(consumer)
                if received:
                    self._news.set()
            except (KafkaError, IllegalStateError) as error:
                self._failure = error
                self._news.set()
                await asyncio.sleep(_AGAIN)

    async def _commit(self, consumer: Any) -> None:
        """Commit what was settled, as soon as the commit before it has ended."""
        while True:
            await self._settled.wait()
            self._settled.clear()
            try:
                async with self._committing:
                    await self._commit_settled(consumer)
            except KafkaError as error:
                self._failure = error
                self._settled.set()
                await asyncio.sleep(_AGAIN)

    async def _commit_before_lost(self) -> None:
        if self._consumer is not None:
            with suppress(KafkaError):  # another gets again what was not committed
                await self._commit_in_order(self._consumer)

    async def _learn(self, consumer: Any) -> None:
        """Ask what is kept beside the offsets of partitions that are new here."""
        new = {lane.at: lane for lane in self._lanes if not lane.is_known}
        if not new:
            return
        # The client's own committed() asks this too, and tells the number alone.
        found: dict[Any, Any] = await consumer._coordinator.fetch_committed_offsets(list(new))
        for at, lane in new.items():
            lane.learn(mark_of(found[at].metadata) if at in found else CLEAN)
        self._news.set()  # what came before this was known can be taken

    async def _mark(self, marks: dict[Lane, tuple[int, Mark]]) -> None:
        """Have Kafka know of events before they are begun."""
        offsets = {lane.at: (offset, mark.text) for lane, (offset, mark) in marks.items()}
        for lane in marks:
            lane.settled = None  # which is no more than this says
        async with self._committing:
            with (
                told(self._at, "to keep which event is begun"),
                anyio.fail_after(_CONNECTING),
                suppress(CommitFailedError, IllegalStateError),  # another has the partitions
            ):
                await self._consumer.commit(offsets)

    async def _commit_in_order(self, consumer: Any) -> None:
        """Commit all, and that nothing is begun any more."""
        offsets = {
            lane.at: (lane.position, lane.mark.text)
            for lane in self._lanes
            if lane.position is not None
        }
        if not offsets:
            return
        async with self._committing:
            with suppress(CommitFailedError, IllegalStateError):
                await consumer.commit(offsets)

    async def _commit_settled(self, consumer: Any) -> None:
        settled = {lane: lane.settled for lane in self._lanes if lane.settled is not None}
        if not settled:
            return
        try:
            await consumer.commit(
                {lane.at: (offset, RUNNING.text) for lane, offset in settled.items()}
            )
        except (CommitFailedError, IllegalStateError):
            return  # another has the partitions; it gets again what was not committed
        for lane, offset in settled.items():
            if lane.settled == offset:
                lane.settled = None


def _source_of(entry: Entry) -> Any:
    return cast("KafkaEntry", entry).source
