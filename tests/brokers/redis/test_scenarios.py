"""The scenarios of all brokers, on streams of Redis."""

from __future__ import annotations

from tests.brokers.scenarios import Scenarios


class TestRedis(Scenarios):
    pass
