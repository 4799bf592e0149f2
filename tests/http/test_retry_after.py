"""A handler's wish to be called later is told to whoever sent the event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventrouter import RetryAfter, Router, Unrecoverable
from tests.events import raw_event
from tests.http.conftest import Endpoint


@pytest.fixture
def limited(router: Router) -> Router:
    """A router whose handler raises what it is sent."""

    @router.on("order.paid")
    async def charge(seconds: float) -> None:
        raise RetryAfter(seconds)

    @router.on("order.lost")
    async def lose(payload: Any) -> None:
        raise Unrecoverable("declined")

    @router.on("order.failed")
    async def fail(payload: Any) -> None:
        raise ConnectionError

    return router


def test_it_is_503_with_the_seconds_in_whole_ones(endpoint: Endpoint, limited: Router) -> None:
    endpoint.mount(limited)

    reply = endpoint.send(raw_event(payload=29.2))

    assert (reply.status, reply.header("Retry-After")) == (503, "30")
    assert json.loads(reply.body)["outcome"] == "failed"


@pytest.mark.parametrize("event_type", ["order.lost", "order.failed"])
def test_other_failures_are_500(event_type: str, endpoint: Endpoint, limited: Router) -> None:
    endpoint.mount(limited)

    reply = endpoint.send(raw_event(event_type))

    assert (reply.status, reply.header("Retry-After")) == (500, None)


def test_a_batch_is_answered_with_the_longest(endpoint: Endpoint, limited: Router) -> None:
    endpoint.mount(limited, batch=True)
    events = [raw_event(payload=seconds) for seconds in (5.0, 60.0, 7.0)]

    reply = endpoint.send(b"[" + b",".join([raw_event("order.failed"), *events]) + b"]")

    assert (reply.status, reply.header("Retry-After")) == (503, "60")
    assert [item["status"] for item in json.loads(reply.body)] == [500, 503, 503, 503]
