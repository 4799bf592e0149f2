"""The servers that tests need: without one they are skipped, or fail where it must run."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import pytest

POSTGRES = os.environ.get("EVENTROUTER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
REDIS = os.environ.get("EVENTROUTER_TEST_REDIS", "redis://127.0.0.1:6379")
RABBIT = os.environ.get("EVENTROUTER_TEST_RABBIT", "amqp://guest:guest@127.0.0.1:5672/")
NATS = os.environ.get("EVENTROUTER_TEST_NATS", "nats://127.0.0.1:4222")
#: Whether a test that can't run without a server fails where there is none.
REQUIRED = bool(os.environ.get("EVENTROUTER_REQUIRE_SERVICES"))


def require(url: str) -> str:
    """
    Skip the test if no server answers at the URL; fail it if EVENTROUTER_REQUIRE_SERVICES is set.

    Returns:
        The URL.
    """
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=5):
            return url
    except OSError as error:
        reason = f"no {parts.scheme} server at {parts.hostname}:{parts.port}: {error}"
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)
