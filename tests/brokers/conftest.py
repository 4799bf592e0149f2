"""The clients of brokers run on asyncio alone."""

from __future__ import annotations

import pytest

from tests.cli.conftest import command

__all__ = ["command"]  # a fixture


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
