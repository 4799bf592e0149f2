"""RabbitMQ as its tests have it: the client is of asyncio alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.brokers.rabbit.group import Group
from tests.services import RABBIT, require


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def group() -> AsyncGenerator[Group]:
    group = Group(require(RABBIT))
    yield group
    await group.delete()
