"""The scenarios of all brokers, on RabbitMQ."""

from __future__ import annotations

from tests.brokers.scenarios import Scenarios


class TestRabbit(Scenarios):
    pass
