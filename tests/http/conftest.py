"""The servers, started once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from eventrouter import Router
from tests.http.servers import JSON, ASGIServer, Reply, WSGIServer, send


@pytest.fixture(scope="session")
def asgi_server() -> Iterator[ASGIServer]:
    server = ASGIServer()
    with server.running():
        yield server


@pytest.fixture(scope="session")
def wsgi_server() -> Iterator[WSGIServer]:
    server = WSGIServer()
    with server.running():
        yield server


class Endpoint:
    """An endpoint on a real server; it knows which kind."""

    def __init__(self, server: ASGIServer | WSGIServer) -> None:
        self.server = server

    def mount(self, router: Router, **options: Any) -> Any:
        return self.server.mount(router, **options)

    def send(self, body: Any = b"", headers: Any = JSON, **how: Any) -> Reply:
        return send(self.server.port, body, headers, **how)


@pytest.fixture(params=["asgi", "wsgi"])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """The endpoint of each kind: what a test says of it holds of both."""
    return Endpoint(request.getfixturevalue(f"{request.param}_server"))


@pytest.fixture
def router() -> Router:
    return Router()
