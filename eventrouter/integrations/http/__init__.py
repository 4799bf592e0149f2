"""An HTTP endpoint for a router, that mounts in any ASGI or WSGI application."""

from __future__ import annotations

from typing import Literal

from eventrouter.errors import RegistrationError
from eventrouter.integrations.http.accepting import NotRunning, Tasks, Threads
from eventrouter.integrations.http.asgi_endpoint import ASGIEndpoint
from eventrouter.integrations.http.endpoint import Endpoint
from eventrouter.integrations.http.wsgi_endpoint import WSGIEndpoint
from eventrouter.router import Router
from eventrouter.signatures.replay import Guard
from eventrouter.signatures.scheme import Scheme

__all__ = ["ASGIEndpoint", "NotRunning", "WSGIEndpoint", "asgi", "wsgi"]


def asgi(
    router: Router,
    *,
    signature: Scheme | None = None,
    replay: Guard | None = None,
    batch: bool = False,
    max_batch: int = 1_000,
    on_accept: Literal[202] | None = None,
    queue: int = 1_000,
    workers: int = 10,
    detail: bool = False,
) -> ASGIEndpoint:
    """
    Make an ASGI application that hands a router the events sent to it.

    Args:
        router: The router. Of a body, no more is read than its ``Limits(max_bytes=...)``, packed
            or not.
        signature: What tells who sent a request: ``GitHub(secret)``.
        replay: What lets each signed request through once: ``ReplayGuard()``. A request that was
            not answered with success may come again.
        batch: Whether a JSON array is a batch of events, answered one by one; else it is one
            event, if the router's envelope reads such. Bodies of the content types
            ``application/cloudevents-batch+json`` and ``application/x-ndjson`` always are one.
        max_batch: How many events a batch may have.
        on_accept: 202 to answer as soon as an event is read, and to process it in the background;
            None to answer with what became of it.
        queue: How many accepted events may wait to be processed; with more, the answer is 503.
        workers: How many accepted events are processed at the same time.
        detail: Whether answers tell texts of any error, values of payloads, and what types and
            versions are known. For development only.

    Raises:
        RegistrationError: If a setting can't work.
    """
    _check(signature, replay, on_accept, queue=queue, workers=workers, max_batch=max_batch)
    tasks = None if on_accept is None else Tasks(router, workers, queue)
    return ASGIEndpoint(Endpoint(router, signature, replay, batch, max_batch, detail), tasks)


def wsgi(
    router: Router,
    *,
    signature: Scheme | None = None,
    replay: Guard | None = None,
    batch: bool = False,
    max_batch: int = 1_000,
    on_accept: Literal[202] | None = None,
    queue: int = 1_000,
    workers: int = 10,
    detail: bool = False,
) -> WSGIEndpoint:
    """
    Make a WSGI application that hands a router the events sent to it.

    Args:
        router: The router. Of a body, no more is read than its ``Limits(max_bytes=...)``, packed
            or not.
        signature: What tells who sent a request: ``GitHub(secret)``.
        replay: What lets each signed request through once: ``ReplayGuard()``. A request that was
            not answered with success may come again.
        batch: Whether a JSON array is a batch of events, answered one by one; else it is one
            event, if the router's envelope reads such. Bodies of the content types
            ``application/cloudevents-batch+json`` and ``application/x-ndjson`` always are one.
        max_batch: How many events a batch may have.
        on_accept: 202 to answer as soon as an event is read, and to process it in a thread; None
            to answer with what became of it.
        queue: How many accepted events may wait to be processed; with more, the answer is 503.
        workers: How many accepted events are processed at the same time.
        detail: Whether answers tell texts of any error, values of payloads, and what types and
            versions are known. For development only.

    Raises:
        RegistrationError: If a setting can't work.
    """
    _check(signature, replay, on_accept, queue=queue, workers=workers, max_batch=max_batch)
    threads = None if on_accept is None else Threads(router, workers, queue)
    return WSGIEndpoint(Endpoint(router, signature, replay, batch, max_batch, detail), threads)


def _check(
    signature: Scheme | None, replay: Guard | None, on_accept: int | None, **numbers: int
) -> None:
    if replay is not None and signature is None:
        raise RegistrationError("replay= needs signature=: what nobody signed, anyone can vary")
    if on_accept not in (None, 202):
        raise RegistrationError(f"on_accept={on_accept!r}: it is 202 or None")
    for name, number in numbers.items():
        if number < 1:
            raise RegistrationError(f"{name}={number}: it is at least 1")
