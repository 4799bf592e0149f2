"""A router with several envelopes."""

from __future__ import annotations

from typing import Any

import pytest

from eventrouter import (
    Event,
    Header,
    JsonEnvelope,
    MalformedEvent,
    MappedEnvelope,
    RegistrationError,
    Router,
)

GITHUB = MappedEnvelope(type=Header("X-GitHub-Event"))
EVENT_BRIDGE = MappedEnvelope(type="detail-type", payload="detail")


def types_read(router: Router, raw: Any, headers: dict[str, str]) -> list[str]:
    seen: list[str] = []

    @router.on_any
    def see(event: Event) -> None:
        seen.append(event.type)

    router.process_sync(raw, headers)
    return seen


@pytest.mark.parametrize(
    ("raw", "headers", "read"),
    [
        (b'{"event_type": "a"}', {}, "a"),
        (b'{"event_type": "a"}', {"content-type": "application/json; charset=utf-8"}, "a"),
        (b'{"event_type": "a"}', {"Content-Type": "application/vnd.shop+json"}, "a"),
        (b'{"detail-type": "b"}', {}, "b"),
        (b'{"action": "opened"}', {"X-GitHub-Event": "c"}, "c"),
    ],
)
def test_the_one_that_fits_is_read(raw: bytes, headers: dict[str, str], read: str) -> None:
    router = Router(envelope=[JsonEnvelope(), EVENT_BRIDGE, GITHUB])

    assert types_read(router, raw, headers) == [read]


def test_two_that_fit_are_not_guessed_between() -> None:
    router = Router(envelope=[JsonEnvelope(), EVENT_BRIDGE])

    with pytest.raises(MalformedEvent, match="several envelopes, which is ambiguous"):
        router.dispatch_sync({"event_type": "a", "detail-type": "b"})


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (b"{}", {}),
        (b"[]", {}),
        (b'{"event_type": "a"}', {"Content-Type": "text/plain"}),
        (b'{"event_type": "a"}', {"Content-Type": "application/cloudevents+json"}),
    ],
)
def test_none_that_fits_is_malformed(raw: bytes, headers: dict[str, str]) -> None:
    router = Router(envelope=[JsonEnvelope(), EVENT_BRIDGE])

    with pytest.raises(MalformedEvent, match="none of the envelopes"):
        router.dispatch_sync(raw, headers)


def test_what_is_not_json_says_so() -> None:
    with pytest.raises(MalformedEvent, match="not JSON"):
        Router(envelope=[JsonEnvelope(), EVENT_BRIDGE]).dispatch_sync(b"{")


def test_at_least_one_is_needed() -> None:
    with pytest.raises(RegistrationError, match="at least one"):
        Router(envelope=[])
