"""Kafka, for the scenarios of all brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from eventrouter.integrations.faststream.queues import BrokerQueue
from tests.brokers.kafka.cluster import Cluster
from tests.brokers.rig import Letter, queue_of


class KafkaRig:
    """
    Topics that are of one test alone.

    Args:
        cluster: Kafka.
    """

    tells_failures = True
    keeps_order = False  # but within a partition

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.url = cluster.url
        self.address = self.url.removeprefix("kafka://")
        self.name = f"t{uuid4().hex[:12]}"
        self._producer = AIOKafkaProducer(bootstrap_servers=self.address, acks="all")

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    def connection(self, group: str) -> dict[str, Any]:
        return {
            "url": self.url,
            "subject": self.name,
            "group": f"{self.name}.{group}",
            "declare": True,
            "session": 1.0,
        }

    def queue(self, group: str, *, lease: float = 30.0) -> BrokerQueue:
        return queue_of(**self.connection(group))

    async def publish(
        self, raw: bytes, headers: Mapping[str, str] | None = None, *, partition: int | None = None
    ) -> None:
        sent = [(name, value.encode()) for name, value in (headers or {}).items()]
        await self._producer.send_and_wait(self.name, raw, headers=sent, partition=partition)

    async def dead_letters(self, group: str) -> list[Letter]:
        return [
            Letter(record.value, {name: value.decode() for name, value in record.headers})
            for record in await self.read(f"{self.name}.{group}.dead-letters")
        ]

    async def read(self, topic: str) -> list[Any]:
        """All records of a topic."""
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self.address, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            async with asyncio.timeout(20):
                ends = await consumer.end_offsets(list(consumer.assignment()))
                records = list[Any]()
                while len(records) < sum(ends.values()):
                    for some in (await consumer.getmany(timeout_ms=200)).values():
                        records += some
        finally:
            await consumer.stop()
        return sorted(records, key=lambda record: record.timestamp)

    async def cut(self) -> None:
        self.cluster.go_down()
        self.cluster.come_up()
