"""The scenarios of all brokers, on NATS JetStream."""

from __future__ import annotations

from tests.brokers.scenarios import Scenarios


class TestNats(Scenarios):
    pass
