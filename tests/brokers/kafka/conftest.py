"""Kafka as its tests have it: the one for tests that librdkafka has in it, spoken to over TCP."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest
from confluent_kafka import Producer

from tests.brokers.kafka.rig import KafkaRig


@pytest.fixture(scope="session")
def kafka_url() -> Generator[str]:
    """Where the Kafka for tests listens, on a port of its own; it makes topics when asked."""
    cluster = Producer(
        {"bootstrap.servers": "127.0.0.1", "test.mock.num.brokers": 1, "log_level": 0}
    )
    [broker] = cluster.list_topics(timeout=10).brokers.values()
    yield f"kafka://{broker.host}:{broker.port}"
    del cluster


@pytest.fixture
async def rig(kafka_url: str) -> AsyncGenerator[KafkaRig]:
    rig = KafkaRig(kafka_url)
    await rig.start()
    yield rig
    await rig.stop()
