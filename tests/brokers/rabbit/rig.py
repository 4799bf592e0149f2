"""RabbitMQ, for the scenarios of all brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic

from eventrouter.integrations.faststream.queues import BrokerQueue, connection_of
from tests.brokers.proxy import Proxy
from tests.brokers.rabbit.group import Group, headers_of
from tests.brokers.rig import Letter


class RabbitRig:
    """
    Queues that are of one test alone, and a way to them that can be cut.

    Args:
        url: Where RabbitMQ is.
        channel: A channel to publish on.
        proxy: The way.
    """

    tells_failures = True
    keeps_order = True

    def __init__(self, url: str, channel: AbstractChannel, proxy: Proxy) -> None:
        self.url = url
        self._channel = channel
        self.proxy = proxy
        self.groups = dict[str, Group]()
        self.exchange = Group(url).exchange

    def connection(self, group: str) -> dict[str, Any]:
        names = self.groups.setdefault(group, Group(self.url))
        names.exchange = self.exchange
        return {
            "url": self.proxy.url,
            "subject": "#",
            "group": names.name,
            "stream": self.exchange,
            "publish_to": "{type}",
            "declare": True,
        }

    def queue(self, group: str, *, lease: float = 30.0) -> BrokerQueue:
        return connection_of(**self.connection(group)).queue

    async def publish(self, raw: bytes, headers: Mapping[str, str] | None = None) -> None:
        await self._channel.basic_publish(
            raw,
            exchange=self.exchange,
            routing_key="any",
            mandatory=True,
            properties=Basic.Properties(delivery_mode=2, headers=dict(headers or {})),
        )

    async def dead_letters(self, group: str) -> list[Letter]:
        names = self.groups[group]
        count = await names.count(names.dead_letters)
        messages = await names.read(names.dead_letters, count)
        return [Letter(message.body, _text_headers(message)) for message in messages]

    async def cut(self) -> None:
        self.proxy.cut()

    async def delete(self) -> None:
        await asyncio.gather(*[group.delete() for group in self.groups.values()])


def _text_headers(message: DeliveredMessage) -> dict[str, str]:
    return {name: str(value) for name, value in headers_of(message).items()}
