"""The records that FastStream's own loop received, one after the other of each partition."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# The client has no types.

from __future__ import annotations

import asyncio
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from eventrouter.integrations.faststream.kafka.marks import Mark
from eventrouter.integrations.faststream.kafka.records import KafkaEntry, entry_of
from eventrouter.stores.entries import Entry


class Source:
    """The consumer of FastStream that a record came from."""

    is_lost = False

    def __init__(self, message: Any) -> None:
        self.message = message
        self.consumer = message.consumer


class Attached:
    """Settles records by the consumer that they came from."""

    def __init__(self) -> None:
        self._failed = dict[tuple[str, int], tuple[int, int]]()  # partition -> offset, failures

    def entry_of(self, message: Any) -> KafkaEntry:
        """The entry of a message that FastStream received."""
        record = message.raw_message
        offset, failed = self._failed.get((record.topic, record.partition), (-1, 0))
        return entry_of(
            record, Source(message), Mark(failed if offset == record.offset else 0), "attached"
        )

    async def done(self, entry: Entry) -> bool:
        """Commit it, and nothing else, as FastStream would."""
        record, source = _parts_of(entry)
        self._failed.pop((record.topic, record.partition), None)
        if not isinstance(source.consumer, AIOKafkaConsumer):
            await source.message.ack()  # of the broker for tests
            return True
        try:
            await source.consumer.commit({_at(record): record.offset + 1})
        except (CommitFailedError, IllegalStateError):
            return False  # another has the partition, and gets the event again
        return True

    def give_back(self, entry: Entry, delay: float, *, charge: bool) -> None:
        """Have it be received again after the delay; until then nothing of its partition is."""
        record, source = _parts_of(entry)
        failed = (entry.failed or 0) + charge
        self._failed[record.topic, record.partition] = (record.offset, failed)
        consumer = source.consumer
        if isinstance(consumer, AIOKafkaConsumer):
            at = _at(record)
            if at in consumer.assignment():
                consumer.pause(at)
                consumer.seek(at, record.offset)
                asyncio.get_running_loop().call_later(delay, _resume, consumer, at)


def _resume(consumer: AIOKafkaConsumer, at: TopicPartition) -> None:
    if at in consumer.assignment():
        consumer.resume(at)


def _at(record: Any) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


def _parts_of(entry: Entry) -> tuple[Any, Source]:
    taken = cast("KafkaEntry", entry)
    return taken.record, taken.source
