"""The servers that some tests need: they are skipped where one is absent, or fail if it must be."""

from __future__ import annotations

import os
import socket

import pytest

POSTGRES = os.environ.get("EVENTROUTER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
REDIS = os.environ.get("EVENTROUTER_TEST_REDIS", "redis://127.0.0.1:6379")
RABBIT = os.environ.get("EVENTROUTER_TEST_RABBIT", "amqp://guest:guest@127.0.0.1:5672/")
NATS = os.environ.get("EVENTROUTER_TEST_NATS", "nats://127.0.0.1:4222")


def service(name: str, host: str, port: int) -> None:
    """Skip the test if nothing listens there; fail it if EVENTROUTER_REQUIRE_SERVICES=1."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError as error:
        reason = f"{name} does not listen on {host}:{port}: {error}"
        if os.environ.get("EVENTROUTER_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
