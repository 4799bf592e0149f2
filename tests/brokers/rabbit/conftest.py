"""RabbitMQ as its tests have it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.brokers.proxy import Proxy
from tests.brokers.rabbit.group import Group
from tests.brokers.rabbit.rig import RabbitRig
from tests.services import RABBIT, require


@pytest.fixture
async def group() -> AsyncGenerator[Group]:
    group = Group(require(RABBIT))
    yield group
    await group.delete()


@pytest.fixture
async def rig() -> AsyncGenerator[RabbitRig]:
    require(RABBIT)
    async with Proxy.to(RABBIT) as proxy, Group(RABBIT).channel() as channel:
        rig = RabbitRig(RABBIT, channel, proxy)
        yield rig
        await rig.delete()
