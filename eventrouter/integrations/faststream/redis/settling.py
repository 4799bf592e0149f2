"""Telling the server what became of entries, of many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

from attrs import define, field, frozen

from eventrouter.errors import StoreError
from eventrouter.integrations.faststream.redis import scripts
from eventrouter.integrations.faststream.redis.server import Server, called

_MOST: Final = 500  # entries that are told of at once, so that the server is not kept for long

#: What the server gives of an entry that somebody else has, and of one that nobody has.
OF_ANOTHER: Final = 0
OF_NOBODY: Final = -1


@frozen
class Word:
    """
    What is said of an entry.

    Attributes:
        kind: ``done``, ``keep``, ``give_back`` or ``set_aside``.
        id: The entry's id.
        consumer: Who has it.
        times: How often it was taken.
        arguments: What else there is to say.
    """

    kind: str
    id: str
    consumer: str
    times: str
    arguments: Sequence[object] = ()


@define(eq=False)
class Settling:
    """
    Tells the server what is said while it still answers the last, all in one message.

    So as many entries are settled in a second as there are, and not one a round trip.
    """

    _server: Server
    _said: list[tuple[Word, asyncio.Future[Any]]] = field(
        factory=list[tuple[Word, asyncio.Future[Any]]], init=False
    )
    _telling: asyncio.Task[None] | None = field(default=None, init=False)

    async def say(self, word: Word) -> Any:
        """
        Say what became of an entry, and wait for the answer.

        Returns:
            What the script gives of it.

        Raises:
            StoreError: If the server does not answer, or refuses.
        """
        answer = asyncio.get_running_loop().create_future()
        self._said.append((word, answer))
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())
        return await answer

    async def end(self) -> None:
        """Wait for the answer to what was said last."""
        if self._telling is not None:
            await asyncio.wait([self._telling])

    async def _tell(self) -> None:
        try:
            while self._said:
                told, self._said = self._said[:_MOST], self._said[_MOST:]
                await self._tell_of(told)
        finally:
            self._telling = None

    async def _tell_of(self, told: list[tuple[Word, asyncio.Future[Any]]]) -> None:
        try:
            answers = await self._server.run(scripts.SETTLE, "", *_arguments(told))
        except Exception as error:
            for _, waiting in told:
                if not waiting.done():
                    waiting.set_exception(_copied(error))
            return
        for (_, waiting), answer in zip(told, answers, strict=True):
            if waiting.done():
                continue
            if isinstance(answer, list):
                text = cast("list[bytes]", answer)[1].decode("utf-8", "replace")
                waiting.set_exception(StoreError(f"{called(self._server.client)}: {text}"))
            else:
                waiting.set_result(answer)


def _arguments(told: list[tuple[Word, asyncio.Future[Any]]]) -> list[object]:
    arguments = list[object]()
    for word, _ in told:
        arguments += (word.kind, word.id, word.consumer, word.times, len(word.arguments))
        arguments += word.arguments
    return arguments


def _copied(error: Exception) -> Exception:
    """The same for each who waits, since raising it adds to its traceback."""
    if isinstance(error, StoreError):
        copy = type(error)(error.reason)
        copy.__cause__ = error.__cause__
        return copy
    return error
