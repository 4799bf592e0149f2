"""The endpoint for ASGI servers and frameworks; it needs none of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from anyio import CancelScope
from attrs import frozen

from eventrouter.integrations.http.accepting import Tasks
from eventrouter.integrations.http.answers import Answer, Refused
from eventrouter.integrations.http.batches import Delivery
from eventrouter.integrations.http.endpoint import LOGGER, Endpoint, Events
from eventrouter.integrations.http.keeping import Keeping
from eventrouter.signatures.replay import Guard

#: As https://asgi.readthedocs.io/en/latest/specs/main.html has them.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class _SenderGone(Exception):
    """Raised when the connection ends before the request does."""


@frozen(eq=False)
class ASGIEndpoint:
    """
    An ASGI application that hands a router the events sent to it; made by ``asgi()``.

    It answers at every path. Mount it, or give it to a route, or run it alone.

    Args:
        endpoint: What it does with a request.
        tasks: What processes events that are answered before; None to answer after.
        keeping: What keeps events in an inbox, and answers then; None if there is none.
    """

    endpoint: Endpoint
    tasks: Tasks | None
    keeping: Keeping | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; or start and stop, as the server says."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            await self._respond(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """
        Process in the background what ``on_accept=202`` accepts; at the end, all that is left.

        What is in an inbox is processed meanwhile, and at the end what is being processed; the
        rest stays there.

        A server enters it by itself where this is the whole application. Mounted in another, that
        one's lifespan must, which most frameworks don't pass on. Without ``on_accept`` and
        ``inbox`` it only checks the router.

        Raises:
            RegistrationError: If the router can't work.
        """
        self.endpoint.router.compile()
        background = self.keeping or self.tasks
        if background is None:
            yield
        else:
            async with background.running():
                yield

    async def _live(self, receive: Receive, send: Send) -> None:
        stage = "startup"
        try:
            await receive()
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                stage = "shutdown"
                await receive()
        except Exception as error:
            await send({"type": f"lifespan.{stage}.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except Refused as refused:
            answer = refused.answer
        except _SenderGone:
            LOGGER.info("the sender went away before its request was read")
            return
        await send_answer(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        endpoint = self.endpoint
        head = endpoint.read_head(scope["method"], _headers_of(scope["headers"]))
        chunks = endpoint.chunks()
        is_whole = False
        while not is_whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _SenderGone
            chunks.add(message.get("body", b""))
            is_whole = not message.get("more_body", False)
        events = endpoint.read_body(head, chunks.whole())
        if endpoint.replay is None or events.key is None:
            return await self._take_all(events)
        return await self._take_once(events, endpoint.replay, events.key)

    async def _take_once(self, events: Events, guard: Guard, key: str) -> Answer:
        claim = await guard.claim(key)
        if claim.refused is not None:
            return self.endpoint.answer_to_repeated(claim.refused)
        settle = guard.release  # unless it turns out well: so that the sender may try again
        try:
            answer = await self._take_all(events)
            if answer.is_success:
                settle = guard.complete
        finally:
            with CancelScope(shield=True):
                await settle(claim)
        return answer

    async def _take_all(self, events: Events) -> Answer:
        if not events.is_batch:
            return await self._take(events.deliveries[0])
        return events.answer([await self._take(delivery) for delivery in events.deliveries])

    async def _take(self, delivery: Delivery) -> Answer:
        if self.keeping is not None:
            return await self.keeping.accept(delivery)
        if self.tasks is not None:
            return self.endpoint.refusal(delivery) or self.tasks.accept(delivery)
        return self.endpoint.answer(await self.endpoint.router.process(*delivery))


async def send_answer(answer: Answer, send: Send) -> None:
    """Send all of an answer."""
    # A list of its own, since middleware adds to it.
    fields = list(answer.raw_fields)
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    await send({"type": "http.response.body", "body": answer.body})


def _headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    # In lower case already, and any bytes are Latin-1.
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
