"""Calling an ASGI application without a server, one message after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio

from tests.http.servers import JSON, Reply


def scope_of(headers: Any = JSON) -> dict[str, Any]:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": raw,
    }


def receiving(messages: Iterable[dict[str, Any]]) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Gives the messages, and then waits for ever."""
    remaining = iter(messages)

    async def receive() -> dict[str, Any]:
        await anyio.lowlevel.checkpoint()
        for message in remaining:
            return message
        await anyio.sleep_forever()
        raise AssertionError

    return receive


async def call(app: Any, messages: Iterable[dict[str, Any]], headers: Any = JSON) -> Reply | None:
    """The reply to a request that comes in these messages, or None if there is none."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append(message)

    await app(scope_of(dict(headers).items()), receiving(messages), send)
    if not sent:
        return None
    start, *parts = sent
    return Reply(
        start["status"],
        {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]},
        b"".join(part.get("body", b"") for part in parts),
    )


async def post(app: Any, body: bytes, headers: Any = JSON) -> Reply:
    """The reply to a request with this body."""
    reply = await call(app, [{"type": "http.request", "body": body}], headers)
    assert reply is not None
    return reply
