"""Over HTTP: 202 once an event is in the inbox, and not before."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from eventrouter import Inbox, MemoryStore, RegistrationError, Router
from eventrouter.integrations.http import ASGIEndpoint, WSGIEndpoint, asgi, wsgi
from eventrouter.stores import EntryCounts, InboxStore
from tests.events import raw_event
from tests.http.calls import post
from tests.http.servers import WSGIServer, send
from tests.inbox.conftest import NEVER, Gate
from tests.inbox.test_workers import watched

pytestmark = pytest.mark.anyio

LINES = {"Content-Type": "application/x-ndjson"}
ONE_READY = EntryCounts(ready=1, waiting=0, taken=0)


@asynccontextmanager
async def running(app: ASGIEndpoint) -> AsyncIterator[None]:
    with anyio.fail_after(30):
        async with app.running():
            yield


async def test_an_event_is_kept_and_then_answered(inbox: Inbox, router: Router) -> None:
    reply = await post(asgi(router, inbox=inbox), raw_event())

    assert (reply.status, reply.body) == (202, b'{"outcome":"accepted"}')
    assert await inbox.count() == ONE_READY


async def test_what_is_kept_is_processed_while_it_runs(inbox: Inbox, router: Router) -> None:
    gate = Gate(router)
    gate.open()
    app = asgi(router, inbox=inbox)
    await post(app, raw_event("counted", 1))

    async with running(app):
        await gate.until_begun(1)
        await post(app, raw_event("counted", 2))
        await gate.until_begun(2)

    assert gate.passed == [1, 2]


async def test_another_process_may_do_that(inbox: Inbox, router: Router) -> None:
    app = asgi(router, inbox=inbox, workers=0)

    async with running(app):
        await post(app, raw_event("counted", 1))
        await anyio.wait_all_tasks_blocked()

    assert await inbox.count() == ONE_READY


async def test_what_is_no_event_is_refused_and_not_kept(inbox: Inbox, router: Router) -> None:
    reply = await post(asgi(router, inbox=inbox), b"{")

    assert reply.status == 400
    assert await inbox.count() == EntryCounts(0, 0, 0)


async def test_what_could_not_be_kept_is_503(
    store: InboxStore, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    app = asgi(router, inbox=Inbox(watched(store, put=1)))

    refused = await post(app, raw_event())
    accepted = await post(app, raw_event())

    assert (refused.status, refused.header("Retry-After"), accepted.status) == (503, "5", 202)
    assert json.loads(refused.body)["detail"] == (
        "the event could not be kept; send it again later"
    )
    assert "an event could not be kept: the disk is full" in caplog.text
    assert await store.count_entries() == ONE_READY


async def test_of_a_batch_each_is_answered_whether_it_was_kept(
    store: InboxStore, router: Router
) -> None:
    app = asgi(router, inbox=Inbox(watched(store, put=1)))

    reply = await post(app, raw_event() + b"\n" + raw_event(), LINES)

    assert reply.status == 503
    assert [item.get("outcome") for item in json.loads(reply.body)] == [None, "accepted"]


async def test_events_are_kept_in_order_by_what_the_function_gives(router: Router) -> None:
    slow, fast = Gate(router, "slow"), Gate(router, "fast")
    fast.open()
    inbox = Inbox(MemoryStore(), poll=NEVER)
    app = asgi(router, inbox=inbox, ordered_by=lambda event: event.metadata.get("order"))

    async with running(app):
        await post(app, raw_event("slow", 1, order="a"))
        await post(app, raw_event("fast", 2, order="a"))
        await post(app, raw_event("fast", 3))
        await fast.until_begun(1)
        await slow.until_begun(1)
        await anyio.wait_all_tasks_blocked()
        assert fast.passed == [3]
        slow.open()
        await fast.until_begun(2)

    assert fast.passed == [3, 2]


async def test_what_is_not_finished_within_the_grace_is_given_back(
    inbox: Inbox, store: InboxStore, router: Router
) -> None:
    gate = Gate(router)
    app = asgi(router, inbox=inbox, grace=0)

    async with running(app):
        await post(app, raw_event("counted", 1))
        await gate.until_begun(1)

    [entry] = await store.take("w", limit=1, lease=10)
    assert entry.attempts == 1


@pytest.mark.parametrize("make", [asgi, wsgi])
@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"ordered_by": str}, "ordered_by= needs inbox="),
        ({"workers": 0}, "workers=0: it is at least 1, or 0 with inbox="),
        ({"workers": -1, "inbox": Inbox(MemoryStore())}, "workers=-1"),
    ],
    ids=str,
)
async def test_settings_that_can_not_work_are_refused(
    router: Router, make: Any, settings: Any, problem: str
) -> None:
    with pytest.raises(RegistrationError, match=problem):
        make(router, **settings)


def test_over_wsgi_an_event_is_kept_and_then_answered(store: InboxStore, router: Router) -> None:
    inbox = Inbox(watched(store, put=1))
    server = WSGIServer()
    with server.running():
        endpoint = server.mount(router, inbox=inbox)
        replies = [send(server.port, raw_event()) for _ in range(2)]

    assert isinstance(endpoint, WSGIEndpoint)
    assert [reply.status for reply in replies] == [503, 202]
    assert anyio.run(inbox.count) == ONE_READY
