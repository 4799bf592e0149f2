"""Endpoints that take the same events over HTTP, and two ways to send them a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, TypeAlias

import uvicorn
from pydantic import Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, request_response

from benchmarks.contenders.contender import Contender, Seen, counting
from benchmarks.events import VERSION, Sample
from benchmarks.payloads.classes import TYPES
from benchmarks.payloads.models import EVENTS
from benchmarks.payloads.models import TYPES as MODELS
from benchmarks.rounds import Run
from eventrouter import Router
from eventrouter.integrations.http import asgi

#: An ASGI application.
App: TypeAlias = Any
Make: TypeAlias = Callable[[Sample, Seen], App]

PATH: Final = "/events"


def with_eventrouter(sample: Sample, seen: Seen) -> App:
    router = Router()
    router.add_route(sample.event_type, counting(TYPES[sample.size], seen), version=VERSION)
    router.compile()
    return asgi(router)


def by_hand(sample: Sample, seen: Seen) -> App:
    """What one writes without a router: the envelope is read in one pass, as are all payloads."""
    events: Any = Annotated[reduce(or_, EVENTS.values()), Field(discriminator="event_type")]
    validate = TypeAdapter[Any](events).validate_json
    handlers = {(sample.event_type, VERSION): counting(MODELS[sample.size], seen)}

    async def receive_event(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse({"detail": "the content type must be JSON"}, 415)
        try:
            event = validate(await request.body())
        except ValidationError as error:
            return JSONResponse({"detail": error.errors(include_url=False)}, 422)
        await handlers[event.event_type, event.metadata.version](event.payload)
        return JSONResponse({"outcome": "handled"})

    return request_response(receive_event)


def in_starlette(make: Make) -> Make:
    """The same as a route of an application."""

    def make_application(sample: Sample, seen: Seen) -> App:
        return Starlette(routes=[Route(PATH, _App(make(sample, seen)), methods=["POST"])])

    return make_application


class _App:
    """Of a class, so that Starlette takes it for an ASGI application and no function."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


class NotHandled(Exception):
    """Raised when an endpoint does not answer 200."""


def called(make: Make) -> Callable[[Sample, Seen], AbstractAsyncContextManager[Run]]:
    """The application called as a server would call it: no socket, no HTTP to parse."""

    @asynccontextmanager
    async def opened(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
        app, raw = make(sample, seen), sample.raw
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50_000),
            "scheme": "http",
            "method": "POST",
            "root_path": "",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "headers": [(name.lower(), value) for name, value in _head_fields(raw)],
        }
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        async def run(calls: int) -> None:
            for _ in range(calls):
                await app({**scope, "state": {}}, receive, send)
                if status != 200:
                    raise NotHandled(status)

        yield run

    return opened


def served(make: Make) -> Callable[[Sample, Seen], AbstractAsyncContextManager[Run]]:
    """The application served by uvicorn, over one connection that stays open."""

    @asynccontextmanager
    async def opened(sample: Sample, seen: Seen) -> AsyncIterator[Run]:
        config = uvicorn.Config(
            make(sample, seen),
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
        )
        server = _Server(config)
        head = b"\r\n".join(
            (f"POST {PATH} HTTP/1.1".encode(), *(b": ".join(f) for f in _head_fields(sample.raw)))
        )
        request = head + b"\r\n\r\n" + sample.raw
        # Of a socket whose protocol is left open, asyncio would not send small answers at once.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            reader, writer = await asyncio.open_connection(*listening.getsockname())

            async def run(calls: int) -> None:
                for _ in range(calls):
                    writer.write(request)
                    answer = await reader.readuntil(b"\r\n\r\n")
                    if not answer.startswith(b"HTTP/1.1 200 "):
                        raise NotHandled(answer.decode())
                    _, _, rest = answer.lower().partition(b"content-length: ")
                    await reader.readexactly(int(rest.partition(b"\r")[0]))

            yield run
            writer.close()
            await writer.wait_closed()
            server.should_exit = True
            await serving

    return opened


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the program."""
        yield


def _head_fields(raw: bytes) -> list[tuple[bytes, bytes]]:
    """What a webhook of some service would come with."""
    return [
        (b"Host", b"hooks.example.com"),
        (b"User-Agent", b"Example-Hooks/1.0"),
        (b"Accept", b"*/*"),
        (b"Content-Type", b"application/json"),
        (b"Content-Length", str(len(raw)).encode()),
        (b"X-Request-Id", b"6f1c0a3e-8d0e-4a39-9a44-0d6f9c1c2b7d"),
    ]


CONTENDERS: Final = (
    Contender("eventrouter, the endpoint", "eventrouter", called(with_eventrouter)),
    Contender("by hand, the endpoint", "by hand", called(by_hand)),
    Contender("eventrouter, in Starlette", "eventrouter", called(in_starlette(with_eventrouter))),
    Contender("by hand, in Starlette", "by hand", called(in_starlette(by_hand))),
    Contender("eventrouter, under uvicorn", "eventrouter", served(in_starlette(with_eventrouter))),
    Contender("by hand, under uvicorn", "by hand", served(in_starlette(by_hand))),
)
