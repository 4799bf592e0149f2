"""An HTTP endpoint for a router, that mounts in any ASGI or WSGI application."""

from __future__ import annotations

from typing import Literal

from eventrouter.errors import RegistrationError
from eventrouter.inbox import Inbox
from eventrouter.integrations.http.accepting import NotRunning, Tasks, Threads
from eventrouter.integrations.http.asgi_endpoint import ASGIEndpoint
from eventrouter.integrations.http.endpoint import Endpoint
from eventrouter.integrations.http.keeping import Keeping, KeptBy
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
    inbox: Inbox | None = None,
    ordered_by: KeptBy | None = None,
    grace: float = 25.0,
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
        workers: How many accepted events are processed at the same time. With an ``inbox``, 0 if
            another process does that.
        inbox: Where events are kept until they are processed: ``Inbox(SqliteStore("events.db"))``.
            The answer is 202 once an event is there, or 503; no end of the process loses it then.
        ordered_by: Gives a text for an event, its payload raw; of those in the inbox with the
            same text, each is processed once the one before is. None for any order.
        grace: How many seconds those from the inbox that are in flight at the end may take.
        detail: Whether answers tell texts of any error, values of payloads, and what types and
            versions are known. For development only.

    Raises:
        RegistrationError: If a setting can't work.
    """
    _check(signature, replay, on_accept, inbox, ordered_by, workers, queue, max_batch)
    endpoint = Endpoint(router, signature, replay, batch, max_batch, detail)
    if inbox is not None:
        return ASGIEndpoint(endpoint, None, Keeping(endpoint, inbox, workers, grace, ordered_by))
    return ASGIEndpoint(endpoint, None if on_accept is None else Tasks(router, workers, queue))


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
    inbox: Inbox | None = None,
    ordered_by: KeptBy | None = None,
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
        inbox: Where events are kept until they are processed: ``Inbox(SqliteStore("events.db"))``.
            The answer is 202 once an event is there, or 503; no end of the process loses it then.
            Another process must process them: ``eventrouter work``, or ``Inbox.workers``.
        ordered_by: Gives a text for an event, its payload raw; of those in the inbox with the
            same text, each is processed once the one before is. None for any order.
        detail: Whether answers tell texts of any error, values of payloads, and what types and
            versions are known. For development only.

    Raises:
        RegistrationError: If a setting can't work.
    """
    _check(signature, replay, on_accept, inbox, ordered_by, workers, queue, max_batch)
    endpoint = Endpoint(router, signature, replay, batch, max_batch, detail)
    if inbox is not None:
        return WSGIEndpoint(endpoint, None, Keeping(endpoint, inbox, 0, 0, ordered_by))
    return WSGIEndpoint(endpoint, None if on_accept is None else Threads(router, workers, queue))


def _check(
    signature: Scheme | None,
    replay: Guard | None,
    on_accept: int | None,
    inbox: Inbox | None,
    ordered_by: KeptBy | None,
    workers: int,
    queue: int,
    max_batch: int,
) -> None:
    if replay is not None and signature is None:
        raise RegistrationError("replay= needs signature=: what nobody signed, anyone can vary")
    if on_accept not in (None, 202):
        raise RegistrationError(f"on_accept={on_accept!r}: it is 202 or None")
    if ordered_by is not None and inbox is None:
        raise RegistrationError("ordered_by= needs inbox=: without one, events wait for no other")
    if workers < 0 or (workers == 0 and inbox is None):
        raise RegistrationError(f"workers={workers}: it is at least 1, or 0 with inbox=")
    for name, number in (("queue", queue), ("max_batch", max_batch)):
        if number < 1:
            raise RegistrationError(f"{name}={number}: it is at least 1")
