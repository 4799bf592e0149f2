"""The scenarios of all brokers, on the Kafka for tests that librdkafka has in it."""

from __future__ import annotations

import pytest

from tests.brokers.rig import Rig
from tests.brokers.scenarios import Scenarios


class TestKafka(Scenarios):
    async def test_nothing_is_lost_when_connections_are_cut(self, rig: Rig) -> None:
        pytest.skip("the Kafka for tests can't cut connections")
