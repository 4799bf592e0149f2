"""Kafka as its tests have it: the one for tests that librdkafka has in it, spoken to over TCP."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest

from tests.brokers.kafka.cluster import Cluster, running
from tests.brokers.kafka.rig import KafkaRig


@pytest.fixture(scope="session")
def cluster() -> Generator[Cluster]:
    with running() as cluster:
        yield cluster


@pytest.fixture
async def rig(cluster: Cluster) -> AsyncGenerator[KafkaRig]:
    rig = KafkaRig(cluster)
    await rig.start()
    yield rig
    await rig.stop()
