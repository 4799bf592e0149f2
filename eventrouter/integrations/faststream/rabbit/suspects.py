"""
The queue of events that may have ended their process, where each is taken alone.

What RabbitMQ has pushed counts as delivered, whether or not it was begun. So how often an event was
delivered says little of it where others are pushed too: all that a process had are charged for the
one that ended it. An event that was delivered twice in vain is put into this queue, where nothing
is pushed; there only what was begun is counted.
"""

from __future__ import annotations

from itertools import count
from time import monotonic
from typing import Any

from aiormq import Channel
from pamqp.commands import Basic

from eventrouter.integrations.faststream.rabbit.failures import told
from eventrouter.integrations.faststream.rabbit.messages import Taken

_PAUSE = 5.0  # seconds between looks for those that another process left


class Suspects:
    """
    Takes from the queue, one event at a time.

    Args:
        place: Where RabbitMQ is, for messages.
        queue: The name of the queue.
    """

    def __init__(self, place: str, queue: str) -> None:
        self.queue = queue
        self.token = ""
        self._place = place
        self._channel: Channel | None = None
        self._channels = count(1)
        self._next_look = 0.0

    def expect_one(self) -> None:
        """Look at once, since one was put there."""
        self._next_look = 0.0

    async def take(self, connection: Any) -> Taken | None:
        """
        Take an event, if it is time to look and there is one.

        Args:
            connection: The connection of the client below.

        Raises:
            StoreError: If RabbitMQ does not answer or refuses.
        """
        if monotonic() < self._next_look:
            return None
        with told(self._place, f"to take from the queue {self.queue}"):
            channel = self._channel
            if channel is None or channel.is_closed:
                opened: Channel = await connection.channel(publisher_confirms=False)
                self._channel = channel = opened
                self.token = f"suspect {next(self._channels)}"
            message = await channel.basic_get(self.queue)
        if isinstance(message.delivery, Basic.GetEmpty):
            self._next_look = monotonic() + _PAUSE
            return None
        return Taken(message)

    async def close(self) -> None:
        """Close the channel; what was not acknowledged is there again."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
