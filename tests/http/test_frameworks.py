"""The endpoints mounted in every framework that is named, under a prefix, with its lifespan."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from threading import Event as Gate
from typing import Any

import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from fastapi import FastAPI
from flask import Flask
from litestar import Litestar
from litestar.handlers import asgi as litestar_asgi
from quart import Quart
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from eventrouter import Router
from eventrouter.integrations.http import asgi, wsgi
from tests.events import raw_event
from tests.http.exchanges import EXPECTED, OPTIONS, answers, make_router
from tests.http.servers import send, uvicorn_server, waitress_server

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


@pytest.fixture(autouse=True, scope="module")
def _django() -> None:
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None)


urlpatterns: list[Any] = []  # of Django


# How an endpoint is mounted in each


def in_fastapi(events: Any, lifespan: Lifespan) -> Any:
    return FastAPI(routes=[Route("/events", events)], lifespan=lifespan)


def in_starlette(events: Any, lifespan: Lifespan) -> Any:
    return Starlette(routes=[Route("/events", events)], lifespan=lifespan)


def in_litestar(events: Any, lifespan: Lifespan) -> Any:
    mount = litestar_asgi("/events", copy_scope=True)
    return Litestar([mount(events)], lifespan=[lifespan])


def in_quart(events: Any, lifespan: Lifespan) -> Any:
    app = Quart(__name__)
    quart_app = app.asgi_app

    @app.while_serving
    async def running() -> AsyncGenerator[None]:
        async with lifespan(app):
            yield

    async def choose(scope: Any, receive: Any, send: Any) -> None:
        is_event = scope["type"] == "http" and scope["path"] == "/events"
        await (events if is_event else quart_app)(scope, receive, send)

    app.asgi_app = choose  # type: ignore[method-assign]
    return app


def in_django_asgi(events: Any, lifespan: Lifespan) -> Any:
    routes: list[BaseRoute] = [Route("/events", events), Mount("/", get_asgi_application())]
    return Starlette(routes=routes, lifespan=lifespan)


def in_flask(events: Any) -> Any:
    app = Flask(__name__)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/events": events})  # type: ignore[method-assign]
    return app


def in_django_wsgi(events: Any) -> Any:
    return DispatcherMiddleware(get_wsgi_application(), {"/events": events})


ASYNC = {
    "FastAPI": in_fastapi,
    "Starlette": in_starlette,
    "Litestar": in_litestar,
    "Quart": in_quart,
    "Django": in_django_asgi,
}
SYNC = {"Flask": in_flask, "Django": in_django_wsgi}


@pytest.fixture(params=ASYNC.values(), ids=ASYNC)
def async_host(request: pytest.FixtureRequest) -> Callable[[Any, Lifespan], Any]:
    host: Callable[[Any, Lifespan], Any] = request.param
    return host


@pytest.fixture(params=SYNC.values(), ids=SYNC)
def sync_host(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    host: Callable[[Any], Any] = request.param
    return host


@asynccontextmanager
async def nothing(_: Any) -> AsyncGenerator[None]:
    yield


# The same answers


def test_the_same_requests_get_the_same_answers_mounted_in_an_async_framework(
    async_host: Callable[[Any, Lifespan], Any],
) -> None:
    events = asgi(make_router(), **OPTIONS)

    with uvicorn_server(async_host(events, nothing)) as port:
        assert answers(port, "/events") == EXPECTED


def test_the_same_requests_get_the_same_answers_mounted_in_a_sync_framework(
    sync_host: Callable[[Any], Any],
) -> None:
    with waitress_server(sync_host(wsgi(make_router(), **OPTIONS))) as port:
        assert answers(port, "/events") == EXPECTED


def test_what_lies_elsewhere_is_left_to_an_async_framework(
    async_host: Callable[[Any, Lifespan], Any],
) -> None:
    with uvicorn_server(async_host(asgi(make_router()), nothing)) as port:
        assert send(port, raw_event(), path="/eventstream").status == 404


def test_what_lies_elsewhere_is_left_to_a_sync_framework(
    sync_host: Callable[[Any], Any],
) -> None:
    with waitress_server(sync_host(wsgi(make_router()))) as port:
        assert send(port, raw_event(), path="/eventstream").status == 404


@pytest.mark.parametrize(("path", "status"), [("/events/", 200), ("/events", 307)])
def test_a_mount_of_starlette_answers_only_below_its_path(path: str, status: int) -> None:
    app = FastAPI()
    app.mount("/events", asgi(make_router()))

    with uvicorn_server(app) as port:
        assert send(port, raw_event(), path=path).status == status


# Accepted, and processed in the background


@pytest.fixture
def closing() -> Gate:
    """Set once the framework shuts down: not before does a handler end."""
    return Gate()


@pytest.fixture
def handled(router: Router, closing: Gate) -> Iterator[list[Any]]:
    given: list[Any] = []

    @router.on("order.paid")
    def handle(payload: Any) -> None:
        assert closing.wait(20)
        given.append(payload)

    yield given
    closing.set()


def test_what_was_accepted_is_processed_before_an_async_framework_ends(
    async_host: Callable[[Any, Lifespan], Any], router: Router, handled: list[Any], closing: Gate
) -> None:
    events = asgi(router, on_accept=202, workers=1)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None]:
        async with events.running():
            yield
            closing.set()

    with uvicorn_server(async_host(events, lifespan)) as port:
        statuses = [send(port, raw_event(), path="/events").status for _ in range(5)]
        handled_before = len(handled)

    assert (statuses, handled_before, len(handled)) == ([202] * 5, 0, 5)


def test_what_was_accepted_is_processed_before_a_sync_framework_ends(
    sync_host: Callable[[Any], Any], router: Router, handled: list[Any], closing: Gate
) -> None:
    events = wsgi(router, on_accept=202, workers=1)

    with waitress_server(sync_host(events)) as port:
        statuses = [send(port, raw_event(), path="/events").status for _ in range(5)]
        handled_before = len(handled)
    closing.set()
    events.close()

    assert (statuses, handled_before, len(handled)) == ([202] * 5, 0, 5)
