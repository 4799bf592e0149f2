"""What a supervisor is told over HTTP, by a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from eventrouter.cli.health import Obstacle, answering
from eventrouter.cli.listening import listen

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # as the command line always is


@asynccontextmanager
async def serving(obstacle: Obstacle = lambda: None) -> AsyncGenerator[int]:
    with listen("127.0.0.1", 0) as listening:
        port: int = listening.getsockname()[1]
        async with answering(listening, obstacle):
            yield port


async def ask(port: int, sent: str) -> tuple[str, str, str]:
    """The status line, the fields and the body that come back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent.encode())
    with anyio.fail_after(10):
        answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    status, _, fields = head.partition("\r\n")
    return status, fields, body


async def get(port: int, path: str, method: str = "GET") -> tuple[str, str]:
    status, _, body = await ask(port, f"{method} {path} HTTP/1.1\r\nHost: here\r\n\r\n")
    return status.removeprefix("HTTP/1.1 "), body


async def test_what_has_no_obstacle_is_ready() -> None:
    async with serving() as port:
        assert await get(port, "/ready") == ("200 OK", "ready\n")


async def test_an_obstacle_is_named() -> None:
    async with serving(lambda: "it ends") as port:
        assert await get(port, "/ready") == ("503 Service Unavailable", "not ready: it ends\n")


async def test_whoever_is_not_ready_is_live() -> None:
    async with serving(lambda: "it ends") as port:
        assert await get(port, "/live") == ("200 OK", "live\n")


async def test_a_query_changes_nothing() -> None:
    async with serving() as port:
        assert await get(port, "/live?verbose") == ("200 OK", "live\n")


async def test_there_is_nothing_else() -> None:
    async with serving() as port:
        assert await get(port, "/") == ("404 Not Found", "there are /live and /ready\n")


async def test_only_reading_is_allowed() -> None:
    async with serving() as port:
        status, fields, _ = await ask(port, "POST /live HTTP/1.1\r\nHost: here\r\n\r\n")

    assert status == "HTTP/1.1 405 Method Not Allowed"
    assert "Allow: GET, HEAD" in fields.split("\r\n")


async def test_the_answer_to_head_has_no_body() -> None:
    async with serving() as port:
        status, fields, body = await ask(port, "HEAD /ready HTTP/1.1\r\nHost: here\r\n\r\n")

    assert (status, body) == ("HTTP/1.1 200 OK", "")
    assert "Content-Length: 6" in fields.split("\r\n")


@pytest.mark.parametrize("sent", ["no request\r\n\r\n", "GET", "GET /" + "a" * 20_000])
async def test_what_is_no_request_does_no_harm(sent: str) -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent.encode())
        writer.close()  # in the middle, for all it knows
        assert await get(port, "/live") == ("200 OK", "live\n")
        await reader.read()
