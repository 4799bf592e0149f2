"""Servers that tests need, and where they are."""

from __future__ import annotations

import os
import socket
from typing import Final

import pytest

POSTGRES: Final = os.environ.get(
    "EVENTROUTER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test"
)
REDIS: Final = os.environ.get("EVENTROUTER_TEST_REDIS", "redis://127.0.0.1:6379")
RABBIT: Final = os.environ.get("EVENTROUTER_TEST_RABBIT", "amqp://guest:guest@127.0.0.1:5672/")
NATS: Final = os.environ.get("EVENTROUTER_TEST_NATS", "nats://127.0.0.1:4222")


def service(name: str, host: str, port: int) -> None:
    """Skip the test if no server listens there; fail it if servers are required."""
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        absent = f"{name} at {host}:{port} is absent: {error}"
        if os.environ.get("EVENTROUTER_REQUIRE_SERVICES") == "1":
            pytest.fail(absent)
        pytest.skip(absent)
