"""The scenarios of all brokers, on the Kafka for tests that librdkafka has in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers.rig import Rig
from tests.brokers.scenarios import Scenarios


class TestKafka(Scenarios):
    async def test_nothing_is_lost_when_connections_are_cut(self, rig: Rig) -> None:
        pytest.skip("the Kafka for tests can't cut connections")

    async def test_an_event_that_ends_its_process_is_set_aside_and_no_other(
        self, rig: Rig, tmp_path: Path
    ) -> None:
        pytest.skip("Kafka does not count how often it delivered an event, see brokers-kafka.md")

    async def test_what_one_does_not_take_is_there_for_another(self, rig: Rig) -> None:
        pytest.skip("a partition of Kafka is of one process alone")

    async def test_the_members_of_a_group_share(self, rig: Rig) -> None:
        pytest.skip("a partition of Kafka is of one process alone; see test_partitions.py")
