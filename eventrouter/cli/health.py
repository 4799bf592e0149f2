"""A tiny HTTP endpoint that tells a supervisor how a process is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from socket import socket
from typing import Final

_LONGEST_HEAD: Final = 8_192  # bytes
_PATIENCE: Final = 5.0  # seconds that one connection may take
_NO_REQUEST: Final = (
    OSError,
    TimeoutError,
    asyncio.LimitOverrunError,
    asyncio.IncompleteReadError,
)

#: Returns why the process is not ready, or None if it is.
Obstacle = Callable[[], str | None]


@asynccontextmanager
async def answering(listening: socket, obstacle: Obstacle) -> AsyncGenerator[None]:
    """
    Answer ``GET /live`` and ``GET /ready`` while the body runs.

    ``/live`` is 200 if it is answered at all: a loop that no longer turns answers nobody.

    Args:
        listening: Where requests come to.
        obstacle: Asked at ``/ready``, which is 503 with what it returns, and 200 for None.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(head, obstacle))
                await writer.drain()
        except _NO_REQUEST:  # which gets no answer
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, sock=listening, limit=_LONGEST_HEAD)
    try:
        yield
    finally:
        server.close()


def _answer(head: bytes, obstacle: Obstacle) -> bytes:
    method, _, rest = head.partition(b" ")
    target = rest.partition(b" ")[0].partition(b"?")[0]
    status, text = HTTPStatus.OK, "live"
    if target not in (b"/live", b"/ready"):
        status, text = HTTPStatus.NOT_FOUND, "there are /live and /ready"
    elif method not in (b"GET", b"HEAD"):
        status, text = HTTPStatus.METHOD_NOT_ALLOWED, "GET it"
    elif target == b"/ready":
        reason = obstacle()
        text = "ready" if reason is None else f"not ready: {reason}"
        status = HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE
    body = f"{text}\n".encode()
    fields = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        fields.append("Allow: GET, HEAD")
    answer = "\r\n".join([*fields, "", ""]).encode()
    return answer if method == b"HEAD" else answer + body
