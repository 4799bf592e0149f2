"""A stream of Redis as a queue."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from eventrouter.errors import RegistrationError, StoreError
from eventrouter.event import now
from eventrouter.integrations.faststream.redis import fields, joining, recipe, scripts, taking
from eventrouter.integrations.faststream.redis.letters import arguments_of
from eventrouter.integrations.faststream.redis.server import GroupGone, Server, called
from eventrouter.integrations.faststream.redis.settling import (
    OF_ANOTHER,
    OF_NOBODY,
    Settling,
    Word,
)
from eventrouter.integrations.faststream.redis.subscribers import refuse_unfit_loop
from eventrouter.integrations.faststream.redis.taking import Taken
from eventrouter.processing import LOGGER
from eventrouter.stores.arguments import checked_delay
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.letters import DeadLetter

LEASE: Final = 30.0  # seconds
_LOOK: Final = 1.0  # seconds between two looks for what is due or abandoned, at most
_BUSY_LOOK: Final = 0.1  # while there is something here that may be given back
_TRIM: Final = 10.0  # seconds between two deletions of what is acknowledged

#: The token of what no server has: it is in memory, in a test.
_IN_MEMORY: Final = ""


class RedisQueue:
    """
    The events of a stream that one group gets.

    Args:
        broker: FastStream's broker.
        stream: The stream.
        group: The group.
        dead_letters: The stream that events are set aside in.
        declare: Whether the stream and the group are made if they are missing.
        volatile: Whether the server may lose events.
        subscriber: Who has FastStream take the events, if it is FastStream that does.
        lease: The seconds after which an event is taken from who has it and does not keep it; 30.

    Attributes:
        lease: That; may be set as long as it is not open.

    Raises:
        RegistrationError: If events would be set aside into the stream that they come from.
    """

    def __init__(
        self,
        broker: Any,
        stream: str,
        group: str,
        *,
        dead_letters: str | None = None,
        declare: bool = True,
        volatile: bool = False,
        subscriber: Any = None,
        lease: float | None = None,
    ) -> None:
        letters = dead_letters or f"{stream}:{group}:dead-letters"
        if letters == stream:
            raise RegistrationError(
                f"dead_letters={letters!r} is the stream that the events come from, so that each "
                "would come again; name another"
            )
        self._broker = broker
        self._stream, self._group, self._dead_letters = stream, group, letters
        self._declares = declare
        self._volatile = volatile
        self._subscriber = subscriber
        self.lease = LEASE if lease is None else lease
        self._mark = secrets.token_hex(4)
        self._consumer = ""
        self._held = dict[str, str]()  # what this took and has not settled: ids to tokens
        self._unsure = set[tuple[str, str]]()  # what may be settled: the answer did not come
        self._flaws = dict[str, str]()  # why those are no events
        self._look = self._trim = 0.0  # when to do so next
        self._is_stopped = True
        self._has_connected = False
        self._connected: tuple[Server, Settling] | None = None

    @property
    def place(self) -> str:
        """What it is called in messages."""
        return f"the group {self._group} of the stream {self._stream}"

    async def prepare(self) -> None:
        """Connect, check, make what is missing, and have FastStream take what is due, too."""
        await self._connect()
        if self._subscriber is not None:
            refuse_unfit_loop(self._subscriber)
            joining.join(self._subscriber, self._take_due, self._make_again)

    async def open(self, limit: int) -> None:
        """Connect, check, make what is missing, and begin."""
        await self._connect()
        self._is_stopped = False

    async def stop(self) -> None:
        """Receive no more."""
        self._is_stopped = True

    async def close(self) -> None:
        """Have the server forget this consumer, and disconnect, if it was connected here."""
        connected, self._connected = self._connected, None
        self._held.clear()
        try:
            if connected is not None and self._consumer:
                server, settling = connected
                await settling.end()
                with suppress(StoreError):  # then others do it
                    await server.forget(self._consumer)
                    await server.run(scripts.TRIM)
        finally:
            if self._has_connected:
                self._has_connected = False
                await self._broker.stop()

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """Take what is due, what was left by who was killed, and then what is new."""
        if self._is_stopped:
            return []
        self._consumer = f"{worker}:{self._mark}"
        server, _ = self._connection()
        try:
            taken = await self._due(self._consumer, limit, self._held)
            if len(taken) < limit:
                wait = 0.0 if taken else self._seconds_to_wait()
                taken += await taking.read(server, self._consumer, limit - len(taken), wait)
        except GroupGone:
            await self._make_again()
            return []
        except BaseException:
            self._look = 0.0  # for what was on its way
            raise
        entries = [self._entry(self._consumer, found) for found in taken]
        self._held.update((entry.id, entry.token) for entry in entries)
        return entries

    async def keep(self, entry: Entry, lease: float) -> bool:
        """Have the entry for a lease from now."""
        return bool(await self._say("keep", entry) == 1)

    async def done(self, entry: Entry) -> bool:
        """Acknowledge it."""
        return bool(await self._settle("done", entry) == 1)

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """Have it wait for its time; it keeps its place in the stream."""
        checked_delay(delay)
        self._look = min(self._look, monotonic() + delay)
        milliseconds = str(round(delay * 1_000))
        answer = await self._settle("give_back", entry, milliseconds, int(charge))
        return bool(answer == 1)

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """Copy its fields to the stream of dead letters and acknowledge it, both at once."""
        flaw = self._flaws.get(entry.id)
        arguments = arguments_of(entry, letter, self._stream, self._group, flaw)
        answer = await self._settle("set_aside", entry, *arguments)
        if isinstance(answer, bytes):
            return answer.decode()
        return (entry.id or "in memory") if answer == 1 else None

    async def count_entries(self) -> EntryCounts:
        """Say how many entries there are; of new ones at most 1,000 where it is not known."""
        server, _ = self._connection()
        return EntryCounts(*await server.run(scripts.COUNT))

    async def entry_of(self, message: Any) -> Entry:
        """The entry of a message that FastStream took from the stream."""
        raw = message.raw_message
        if not raw["message_ids"]:
            read = fields.read(raw["data"])
            return Entry("", read.body, read.headers, now(), None, 1, _IN_MEMORY)
        return self._entry(self._subscriber.stream_sub.consumer, joining.taken_of(raw))

    # Connecting

    async def _connect(self) -> None:
        self._has_connected |= self._broker._connection is None
        client = await self._broker.connect()
        server = Server(client, self._stream, self._group, self._dead_letters)
        await recipe.check(server, volatile=self._volatile)
        try:
            if self._declares:
                await server.make_group(with_stream=True)
            await server.run(scripts.COUNT)  # which also shows that scripts are allowed
        except GroupGone as error:
            raise RegistrationError(
                f"{called(client)} has no such stream, or the stream has no such group: "
                f"{self.place}; make them, by --declare or "
                f"redis-cli XGROUP CREATE {self._stream} {self._group} 0 MKSTREAM"
            ) from error
        self._connected = server, Settling(server)

    def _connection(self) -> tuple[Server, Settling]:
        if self._connected is None:
            raise StoreError(f"{self.place} is not open")
        return self._connected

    async def _make_again(self) -> None:
        """Go on after somebody deleted the stream, or a server that keeps nothing came back."""
        server, _ = self._connection()
        LOGGER.error(
            "%s is gone, and all that was in it: it was deleted, or the server lost it; %s",
            self.place,
            "it is made again" if self._declares else "make it again",
        )
        if not self._declares:
            raise GroupGone(f"{called(server.client)}: {self.place} is gone")
        await server.make_group(with_stream=True)

    # Taking

    async def _take_due(self, consumer: str, limit: int) -> list[Taken]:
        """Take for FastStream what is not new; other processes may have a consumer so called."""
        try:
            return await self._due(consumer, limit, None)
        except GroupGone:
            await self._make_again()
            return []

    async def _due(self, consumer: str, limit: int, held: Iterable[str] | None) -> list[Taken]:
        """What is due, or was left by who was killed, if it is time to look."""
        if monotonic() < self._look:
            return []
        server, _ = self._connection()
        found = await taking.recover(server, consumer, limit, self.lease, held)
        self._look = monotonic() + min(_LOOK, found.wait)
        if found.deleted:
            LOGGER.error(
                "%d events of %s are lost: they were deleted from the stream, or it was trimmed, "
                "before they were processed",
                found.deleted,
                self.place,
            )
        if monotonic() >= self._trim:
            await server.run(scripts.TRIM)
            self._trim = monotonic() + _TRIM
        return found.taken

    def _seconds_to_wait(self) -> float:
        longest = _BUSY_LOOK if self._held else _LOOK
        return min(longest, max(0.0, self._look - monotonic()))

    def _entry(self, consumer: str, taken: Taken) -> Entry:
        read = fields.read(taken.fields)
        if read.flaw is not None:
            self._flaws[taken.id] = read.flaw
        return Entry(
            taken.id,
            read.body,
            read.headers,
            taking.received(taken.id),
            None,
            taken.times,
            f"{taken.times} {consumer}",
            taken.failed,
        )

    # Settling

    async def _settle(self, kind: str, entry: Entry, *arguments: object) -> Any:
        said = entry.id, entry.token
        try:
            answer = await self._say(kind, entry, *arguments)
        except BaseException:
            self._unsure.add(said)
            if kind == "give_back":  # which is not said again: it is taken again here
                self._let_go(entry)
            raise
        self._let_go(entry)
        if said in self._unsure:
            self._unsure.discard(said)
            # What the server did not answer it may have heard.
            return 1 if answer in (OF_ANOTHER, OF_NOBODY) else answer
        return answer

    async def _say(self, kind: str, entry: Entry, *arguments: object) -> Any:
        if entry.token == _IN_MEMORY:
            return 1
        _, settling = self._connection()
        times, _, consumer = entry.token.partition(" ")
        try:
            return await settling.say(Word(kind, entry.id, consumer, times, arguments))
        except GroupGone:
            await self._make_again()
            return OF_NOBODY

    def _let_go(self, entry: Entry) -> None:
        if self._held.get(entry.id) == entry.token:
            del self._held[entry.id]
        self._flaws.pop(entry.id, None)
