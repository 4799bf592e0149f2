"""The endpoint for ASGI servers and frameworks, on Starlette."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from anyio import CancelScope
from attrs import frozen
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Router as LifespanRouter
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from eventrouter.integrations.http.accepting import Tasks
from eventrouter.integrations.http.answers import Answer, Refused
from eventrouter.integrations.http.batches import Delivery
from eventrouter.integrations.http.endpoint import LOGGER, Endpoint, Events
from eventrouter.signatures.replay import Guard


@frozen(eq=False)
class ASGIEndpoint:
    """
    An ASGI application that hands a router the events sent to it; made by ``asgi()``.

    It answers at every path. Mount it, or give it to a route, or run it alone.

    Args:
        endpoint: What it does with a request.
        tasks: What processes events that are answered before; None to answer after.
    """

    endpoint: Endpoint
    tasks: Tasks | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; or start and stop, as the server says."""
        if scope["type"] == "lifespan":
            await LifespanRouter(lifespan=self._lifespan).lifespan(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            await self._respond(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """
        Process in the background what ``on_accept=202`` accepts; at the end, all that is left.

        A server enters it by itself where this is the whole application. Mounted in another, that
        one's lifespan must, which most frameworks don't pass on. Without ``on_accept`` it only
        checks the router.

        Raises:
            RegistrationError: If the router can't work.
        """
        self.endpoint.router.compile()
        if self.tasks is None:
            yield
        else:
            async with self.tasks.running():
                yield

    def _lifespan(self, app: Any) -> Any:
        return self.running()

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(Request(scope, receive))
        except Refused as refused:
            answer = refused.answer
        except ClientDisconnect:
            LOGGER.info("the sender went away before its request was read")
            return
        body, headers = answer.encoded()
        await Response(body, answer.status, headers)(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        endpoint = self.endpoint
        head = endpoint.read_head(request.method, _headers_of(request))
        chunks = endpoint.chunks()
        async with aclosing(request.stream()) as stream:
            async for chunk in stream:
                chunks.add(chunk)
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
        return events.answer([await self._take(delivery) for delivery in events.deliveries])

    async def _take(self, delivery: Delivery) -> Answer:
        if self.tasks is not None:
            return self.endpoint.refusal(delivery) or self.tasks.accept(delivery)
        return self.endpoint.answer(await self.endpoint.router.process(*delivery))


def _headers_of(request: Request) -> dict[str, str]:
    # Decoded as Latin-1, which takes any bytes.
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
