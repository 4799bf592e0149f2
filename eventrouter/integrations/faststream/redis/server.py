"""Calling a Redis server, so that all that fails is one error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from attrs import frozen
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from eventrouter.errors import StoreError
from eventrouter.integrations.faststream.redis import scripts

#: What a user of the server must be allowed.
RIGHTS: Final = "+@stream +@sortedset +@hash +@scripting +@connection +info +type +time"

#: What a server says where there is no such group, or no such stream.
_GONE: Final = ("NOGROUP", "no such key", "requires the key to exist")


class GroupGone(StoreError):
    """Raised when there is no such group, or no such stream."""


@frozen
class Server:
    """
    A server with the stream that events are taken from, and what lies beside it.

    Attributes:
        client: Of redis-py, for bytes.
        stream: The stream.
        group: Who share its events.
        dead_letters: The stream that events are set aside in.
    """

    client: Any
    stream: str
    group: str
    dead_letters: str

    @property
    def keys(self) -> list[str]:
        """The stream, when what waits is due, how often entries failed, and the dead letters."""
        beside = f"{self.stream}:{self.group}"
        return [self.stream, f"{beside}:due", f"{beside}:failed", self.dead_letters]

    async def run(self, script: str, *arguments: object) -> Any:
        """
        Run a script of ours, on all of it at once.

        Raises:
            GroupGone: If there is no such group.
            StoreError: If the server does not answer, or refuses.
        """
        with failing(self.client):
            run = self.client.register_script(script)
            return await run(keys=self.keys, args=[self.group, *arguments])

    async def make_group(self, *, with_stream: bool) -> bool:
        """
        Make the group, which gets all that is in the stream.

        Args:
            with_stream: Whether to make the stream, too, if there is none.

        Returns:
            Whether there was none.
        """
        with failing(self.client):
            try:
                await self.client.xgroup_create(
                    self.stream, self.group, id="0", mkstream=with_stream
                )
            except ResponseError as error:
                if "BUSYGROUP" in str(error) or "already exists" in str(error):
                    return False
                raise
        return True

    async def forget(self, consumer: str) -> None:
        """Have the server forget a consumer, unless it has entries."""
        with failing(self.client):
            run = self.client.register_script(scripts.FORGET)
            await run(keys=self.keys, args=[self.group, consumer])


@contextmanager
def failing(client: Any) -> Generator[None]:
    """
    Make one error of all that a server answers, or that keeps it from answering.

    Raises:
        GroupGone: If it says that there is no such group.
        StoreError: If it fails otherwise.
    """
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        text = str(error)
        if any(sign in text for sign in _GONE):
            raise GroupGone(f"{called(client)}: {text}") from error
        is_forbidden = isinstance(error, NoPermissionError) or "ACL failure" in text
        advice = f"; it takes the rights {RIGHTS}" if is_forbidden else ""
        raise StoreError(f"{called(client)}: {type(error).__name__}: {text}{advice}") from error


def called(client: Any) -> str:
    """What a server is called in messages, without what is secret."""
    settings = client.connection_pool.connection_kwargs
    where = settings.get("path") or f"{settings.get('host')}:{settings.get('port')}"
    return f"Redis at {where}"
