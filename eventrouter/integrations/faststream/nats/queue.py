"""The events of a durable consumer of JetStream, as workers take them."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import anyio
from nats.errors import Error

from eventrouter.envelope import NO_HEADERS, Headers
from eventrouter.errors import StoreError
from eventrouter.event import now
from eventrouter.integrations.faststream.dead_letters import headers_of
from eventrouter.integrations.faststream.nats.counting import NONE, Count, Counts
from eventrouter.integrations.faststream.nats.failures import FAILURES, address_of, failure, told
from eventrouter.integrations.faststream.nats.letters import Outgoing, fitting
from eventrouter.integrations.faststream.nats.pulling import Pull
from eventrouter.integrations.faststream.nats.recipe import Recipe, prepare
from eventrouter.processing import SUSPICIOUS
from eventrouter.stores.entries import Entry, EntryCounts
from eventrouter.stores.letters import DeadLetter

_LOGGER: Final = logging.getLogger("eventrouter.nats")
_PATIENCE = 10.0  # seconds that connecting may take
_WAIT = 1.0  # seconds that taking waits for events to come
_NAK: Final = b"-NAK"
_PROGRESS: Final = b"+WPI"


class NatsQueue:
    """
    The events that a durable consumer of JetStream has for us.

    Args:
        broker: FastStream's broker.
        recipe: What must be there.
    """

    def __init__(self, broker: Any, recipe: Recipe) -> None:
        self._broker = broker
        self._recipe = recipe
        self._address = address_of(broker)
        self._has_connected = False
        self._is_stopped = False
        self._lease = recipe.lease
        self._stream = recipe.stream or ""
        self._pull: Pull | None = None
        self._counts: Counts | None = None
        self._known: dict[str, Count] = {}  # of what was taken and is not settled, by token

    @property
    def place(self) -> str:
        """The subject, the stream and the consumer."""
        recipe = self._recipe
        return f"{recipe.subject} of the stream {self._stream}, as {recipe.durable}"

    @property
    def lease(self) -> float:
        """The consumer's ack wait."""
        return self._lease

    @property
    def _client(self) -> Any:
        return self._broker.config.connection_state.connection

    @property
    def _jetstream(self) -> Any:
        return self._broker.config.connection_state.stream

    # The connection

    async def prepare(self) -> None:
        """Connect, make what is to be made, and check that nothing can be lost."""
        await self._connect()
        with told("the stream can't be looked at", self._address):
            prepared = await prepare(self._jetstream, self._recipe)
        self._stream, self._lease = prepared.stream, prepared.lease
        self._counts = Counts(self._jetstream, self._recipe.bucket_of(prepared.stream))
        if prepared.warning:
            _LOGGER.warning("%s", prepared.warning)

    async def open(self, limit: int) -> None:
        """Prepare, and begin to receive."""
        self._is_stopped = False
        await self.prepare()
        with told("no events can be asked for", self._address):
            await self._listen()

    async def stop(self) -> None:
        """Receive no more, and give back what was received and not taken."""
        self._is_stopped = True
        await self.recede()

    async def recede(self) -> None:
        """Give back what was received and not taken, and receive no more until ``take``."""
        pull, self._pull = self._pull, None
        if pull is None or not pull.client.is_connected:
            return  # what came goes back when its lease runs out
        with told("the server can't be told to send no more", self._address):
            left = await pull.stop()
        await self._have_requests_forgotten()
        async with anyio.create_task_group() as tasks:
            for entry in await self._entries_of(left, SUSPICIOUS):
                tasks.start_soon(self.give_back, entry)

    async def _have_requests_forgotten(self) -> None:
        # The server keeps the requests that nobody listens to any more, until it looks for who
        # waits. If it finds them as it delivers, then before 2.10.14 it delivers an acknowledged
        # event again (https://github.com/nats-io/nats-server/pull/5305); if asked, it does not.
        with suppress(*FAILURES):
            await self._jetstream.consumer_info(self._stream, self._recipe.durable)

    async def close(self) -> None:
        """Disconnect, if it was connected here."""
        self._known.clear()
        if not self._has_connected:
            return
        self._has_connected = False
        if self._broker._connection is None:  # FastStream disconnected it
            return
        if not self._client.is_connected:
            await self._client.close()
            self._broker._connection = None  # which FastStream would drain
        await self._broker.stop()

    async def _connect(self) -> None:
        is_new = self._broker._connection is None
        with told("there is no connection", self._address), anyio.fail_after(_PATIENCE):
            await self._broker.connect()
        self._has_connected = self._has_connected or is_new

    async def _listen(self) -> None:
        self._pull = Pull(self._client, self._stream, self._recipe.durable)
        await self._pull.start()

    async def _checked_pull(self) -> Pull:
        """What is pulled by, if the server can be reached."""
        pull = self._pull
        if pull is None and self._broker._connection is not None and self._client.is_connected:
            await self._listen()
            pull = self._pull
        if pull is None or pull.client.is_closed:
            # The client has given up, as it does when told to, or when refused once.
            self._broker._connection = None
            await self._connect()
            await self._listen()
            assert self._pull is not None
            return self._pull
        if not pull.client.is_connected:
            raise StoreError(f"the connection to the NATS server at {self._address} is lost")
        return pull

    # Taking

    async def take(self, worker: str, *, limit: int, lease: float) -> list[Entry]:
        """Take what came, and wait a moment if nothing did."""
        if self._is_stopped:
            return []
        with told("no events can be asked for", self._address):
            pull = await self._checked_pull()
            messages = await pull.take(limit, _WAIT)
            return await self._entries_of(messages, SUSPICIOUS)

    async def entry_of(self, message: Any) -> Entry:
        """The entry of a message that FastStream received."""
        raw = message.raw_message
        if not raw.reply.startswith("$JS.ACK."):  # of FastStream's TestNatsBroker
            return Entry("0", raw.data, _headers_of(raw), now(), None, 1, "", None)
        # FastStream calls with no event alone, so that all it has at a death are to blame.
        [entry] = await self._entries_of([raw], sys.maxsize)
        return entry

    async def suspect(self, entry: Entry) -> None:
        """Count an attempt that is to be taken back if this one ends."""
        assert self._counts is not None
        count = self._known.setdefault(entry.token, NONE)
        with told("it can't be kept which event is at fault", self._address):
            await self._counts.keep(entry.id, count.once_suspected)

    async def _entries_of(self, messages: list[Any], most_unsure: int) -> list[Entry]:
        entries = [_entry_of(message) for message in messages]
        again = [n for n, entry in enumerate(entries) if entry.attempts > 1]
        if again:
            found = await asyncio.gather(*[self._counted(entries[n], most_unsure) for n in again])
            for n, entry in zip(again, found, strict=True):
                entries[n] = entry
        return entries

    async def _counted(self, entry: Entry, most_unsure: int) -> Entry:
        assert self._counts is not None
        try:
            count = await self._counts.find(entry.id)
        except Error:
            # It is not known whose fault it was; rather once too often than never again.
            count = Count(spared=entry.attempts - 1)
        if count != NONE:
            self._known[entry.token] = count
        return Entry(
            entry.id,
            entry.raw,
            entry.headers,
            entry.received,
            None,
            count.attempts(entry.attempts, most_unsure),
            entry.token,
            count.failed,
        )

    # Settling

    async def keep(self, entry: Entry, lease: float) -> bool:
        """Have the server wait anew."""
        with told("the lease of an event can't be renewed", self._address):
            await self._client.publish(entry.token, _PROGRESS)
        return True

    async def done(self, entry: Entry) -> bool:
        """Acknowledge the event."""
        try:
            await self._client.publish(entry.token)
        except FAILURES as error:
            raise failure("an event can't be acknowledged", error, self._address) from error
        if entry.token in self._known:
            await self._forget(entry)
        return True

    async def give_back(self, entry: Entry, delay: float = 0, *, charge: bool = False) -> bool:
        """Have it delivered again, and remember why."""
        count = self._known.get(entry.token, NONE).one_more(charge=charge)
        answer = _NAK
        if delay > 0:
            answer += b' {"delay": %d}' % int(delay * 1e9)
        with told("an event can't be given back", self._address):
            if self._counts is not None:
                await self._counts.keep(entry.id, count)
            await self._client.publish(entry.token, answer)
        self._known.pop(entry.token, None)
        return True

    async def set_aside(self, entry: Entry, letter: DeadLetter) -> str | None:
        """Publish it where dead letters go, and acknowledge it once that is confirmed."""
        id = f"{self._stream}.{self._recipe.durable}.{entry.id}"
        if not entry.token:  # of FastStream's TestNatsBroker, which gives it to who subscribes
            await self._broker.publish(
                letter.raw, self._recipe.dead_letters, headers=headers_of(letter)
            )
            return id
        outgoing = fitting(letter, id, self._client.max_payload)
        await self._publish(outgoing)
        with told("an event that was set aside can't be acknowledged", self._address):
            await self._client.publish(entry.token)
        if entry.token in self._known:
            await self._forget(entry)
        return id

    async def _publish(self, outgoing: Outgoing) -> None:
        subject = self._recipe.dead_letters
        with told(f"a dead letter can't be published to {subject}", self._address):
            await self._jetstream.publish(subject, outgoing.raw, headers=outgoing.headers or None)

    async def _forget(self, entry: Entry) -> None:
        del self._known[entry.token]
        assert self._counts is not None
        with suppress(Error, OSError, TimeoutError):  # it is deleted by itself, later
            await self._counts.forget(entry.id)

    async def count_entries(self) -> EntryCounts:
        """What the server says of the consumer; it does not tell what waits from what runs."""
        with told("the events can't be counted", self._address):
            info = await self._jetstream.consumer_info(self._stream, self._recipe.durable)
        return EntryCounts(ready=info.num_pending or 0, waiting=0, taken=info.num_ack_pending or 0)


def _entry_of(message: Any) -> Entry:
    reply: str = message.reply
    tokens = reply.split(".")
    # $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<…>.<time>.<…>, and since 2.9 with a
    # domain and an account before the stream.
    first = 4 if len(tokens) == 9 else 6
    return Entry(
        tokens[first + 1],
        message.data,
        _headers_of(message),
        datetime.fromtimestamp(int(tokens[first + 3]) / 1e9, UTC),
        None,
        int(tokens[first]),
        reply,
        0,
    )


def _headers_of(message: Any) -> Headers:
    headers: dict[str, str] | None = message.headers
    if headers is None:
        return NO_HEADERS
    if headers.get("content-type") == "":  # as FastStream publishes bytes
        return {name: value for name, value in headers.items() if name != "content-type"}
    return headers
