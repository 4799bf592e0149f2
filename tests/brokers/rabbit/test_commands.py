"""The commands on RabbitMQ."""

from __future__ import annotations

from tests.brokers.commands import Commands


class TestCommands(Commands):
    pass
