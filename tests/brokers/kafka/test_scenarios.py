"""The scenarios of all brokers, on the Kafka for tests that librdkafka has in it."""

from __future__ import annotations

import pytest

from tests.brokers.rig import Rig
from tests.brokers.scenarios import Scenarios


class TestKafka(Scenarios):
    async def test_nothing_is_lost_when_connections_are_cut(self, rig: Rig) -> None:
        pytest.skip("now and then the client leaves an error of a cut connection unhandled")

    async def test_what_one_does_not_take_is_there_for_another(self, rig: Rig) -> None:
        pytest.skip("a partition of Kafka is of one process alone")

    async def test_the_members_of_a_group_share(self, rig: Rig) -> None:
        pytest.skip("a partition of Kafka is of one process alone; see test_partitions.py")
