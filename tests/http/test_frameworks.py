"""The endpoints mounted in every framework that is named, under a prefix, with its lifespan."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
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
from starlette.routing import Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from eventrouter import Router
from eventrouter.integrations.http import asgi, wsgi
from tests.events import raw_event
from tests.http.exchanges import EXPECTED, OPTIONS, answers, make_router
from tests.http.servers import send, uvicorn_server, waitress_server


@pytest.fixture(autouse=True, scope="module")
def _django() -> None:
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None)


urlpatterns: list[Any] = []  # of Django


# How an endpoint is mounted in each, at /events


def in_fastapi(events: Any) -> Any:
    return FastAPI(routes=[Route("/events", events)], lifespan=lambda _: events.running())


def in_starlette(events: Any) -> Any:
    return Starlette(routes=[Route("/events", events)], lifespan=lambda _: events.running())


def in_litestar(events: Any) -> Any:
    mount = litestar_asgi("/events", copy_scope=True)
    return Litestar(
        [mount(events)],
        lifespan=[lambda _: events.running()],
        logging_config=None,  # which would be that of all tests
    )


def in_quart(events: Any) -> Any:
    app = Quart(__name__)
    quart_app = app.asgi_app

    @app.while_serving
    async def running() -> AsyncGenerator[None]:
        async with events.running():
            yield

    async def choose(scope: Any, receive: Any, send: Any) -> None:
        is_event = scope["type"] == "http" and scope["path"] == "/events"
        await (events if is_event else quart_app)(scope, receive, send)

    app.asgi_app = choose  # type: ignore[method-assign]
    return app


def in_django_asgi(events: Any) -> Any:
    django_app = get_asgi_application()

    async def choose(scope: Any, receive: Any, send: Any) -> None:
        is_event = scope["type"] == "lifespan" or scope["path"] == "/events"
        await (events if is_event else django_app)(scope, receive, send)

    return choose


def in_flask(events: Any) -> Any:
    app = Flask(__name__)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/events": events})  # type: ignore[method-assign]
    return app


def in_django_wsgi(events: Any) -> Any:
    django_app = get_wsgi_application()

    def choose(environ: Any, start_response: Any) -> Any:
        is_event = environ["PATH_INFO"] == "/events"
        return (events if is_event else django_app)(environ, start_response)

    return choose


Mounting = Callable[[Any], Any]
ASYNC: dict[str, Mounting] = {
    "FastAPI": in_fastapi,
    "Starlette": in_starlette,
    "Litestar": in_litestar,
    "Quart": in_quart,
    "Django": in_django_asgi,
}
SYNC: dict[str, Mounting] = {"Flask": in_flask, "Django": in_django_wsgi}


@pytest.fixture(params=list(ASYNC))
def mount_async(request: pytest.FixtureRequest) -> Mounting:
    return ASYNC[request.param]


@pytest.fixture(params=list(SYNC))
def mount_sync(request: pytest.FixtureRequest) -> Mounting:
    return SYNC[request.param]


# The same answers


def test_the_same_requests_get_the_same_answers_from_an_async_framework(
    mount_async: Mounting,
) -> None:
    with uvicorn_server(mount_async(asgi(make_router(), **OPTIONS))) as port:
        assert answers(port, "/events") == EXPECTED


def test_the_same_requests_get_the_same_answers_from_a_sync_framework(
    mount_sync: Mounting,
) -> None:
    with waitress_server(mount_sync(wsgi(make_router(), **OPTIONS))) as port:
        assert answers(port, "/events") == EXPECTED


def test_an_async_framework_keeps_what_lies_elsewhere(mount_async: Mounting) -> None:
    with uvicorn_server(mount_async(asgi(make_router()))) as port:
        assert send(port, raw_event(), path="/eventstream").status == 404


def test_a_sync_framework_keeps_what_lies_elsewhere(mount_sync: Mounting) -> None:
    with waitress_server(mount_sync(wsgi(make_router()))) as port:
        assert send(port, raw_event(), path="/eventstream").status == 404


@pytest.mark.parametrize("mount", [in_fastapi, in_starlette, in_litestar])
def test_the_path_of_a_route_does_not_include_the_root_path(mount: Mounting) -> None:
    with uvicorn_server(mount(asgi(make_router())), root_path="/api") as port:
        assert send(port, raw_event(), path="/events").status == 200


@pytest.mark.parametrize(("path", "status"), [("/events/", 200), ("/events", 307)])
def test_a_mount_of_fastapi_answers_only_below_its_path(path: str, status: int) -> None:
    app = FastAPI()
    app.mount("/events", asgi(make_router()))

    with uvicorn_server(app) as port:
        assert send(port, raw_event(), path=path).status == status


# Accepted, and processed in the background


@pytest.fixture
def closing() -> Gate:
    """Set once the server shuts down: no handler ends before."""
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


def telling(app: Any, closing: Gate) -> Any:
    """The application, and word of its end."""

    async def tell(scope: Any, receive: Any, send: Any) -> None:
        async def receive_and_tell() -> Any:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                closing.set()
            return message

        await app(scope, receive_and_tell, send)

    return tell


def test_an_async_framework_ends_when_what_was_accepted_is_processed(
    mount_async: Mounting, router: Router, handled: list[Any], closing: Gate
) -> None:
    app = mount_async(asgi(router, on_accept=202, workers=1))

    with uvicorn_server(telling(app, closing)) as port:
        statuses = [send(port, raw_event(), path="/events").status for _ in range(5)]
        handled_before = len(handled)

    assert (statuses, handled_before, len(handled)) == ([202] * 5, 0, 5)


def test_a_sync_framework_ends_when_what_was_accepted_is_processed(
    mount_sync: Mounting, router: Router, handled: list[Any], closing: Gate
) -> None:
    events = wsgi(router, on_accept=202, workers=1)

    with waitress_server(mount_sync(events)) as port:
        statuses = [send(port, raw_event(), path="/events").status for _ in range(5)]
        handled_before = len(handled)
    closing.set()
    events.close()

    assert (statuses, handled_before, len(handled)) == ([202] * 5, 0, 5)
