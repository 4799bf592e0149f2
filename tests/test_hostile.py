"""Whatever the bytes, a dispatch ends in a result or in this package's own errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import Factory, frozen
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import (
    Event,
    EventRouterError,
    Header,
    InvalidPayload,
    Limits,
    MalformedEvent,
    MappedEnvelope,
    Router,
    Status,
)

COLLIDING = 2**61 - 1  # all multiples of it have the same hash


@frozen
class Reading:
    values: list[int]
    tags: dict[str, str] = Factory(dict)
    seen: set[int] = Factory(set)
    by_sensor: dict[int, float] = Factory(dict)


def make_router(**settings: Any) -> Router:
    router = Router(**settings)

    @router.on("reading.taken")
    def handle(reading: Reading) -> None: ...

    @router.on("anything.*", where={"a.b.0": 1})
    def narrow(event: Event[Any]) -> None: ...

    return router


ROUTER = make_router()
MAPPED = make_router(
    envelope=MappedEnvelope(type=Header("X-Type"), id="id", timestamp="at", payload="data.0")
)


def reading(payload: bytes) -> bytes:
    return b'{"event_type": "reading.taken", "payload": ' + payload + b"}"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a deep payload": lambda: reading(b"[" * 100_000 + b"]" * 100_000),
    "a deep unknown member": lambda: b'{"event_type": "reading.taken", "x": ' + b"[" * 100_000,
    "an integer of 5000 digits": lambda: reading(b'{"values": [' + b"9" * 5000 + b"]}"),
    "half of a surrogate pair": lambda: reading(rb'{"values": [], "tags": {"a": "\ud800"}}'),
    "half of a surrogate pair in the type": lambda: rb'{"event_type": "\udfff"}',
    "UTF-16": lambda: reading(b"{}").decode().encode("utf-16"),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + reading(b"{}"),
    "NaN": lambda: reading(b'{"values": [NaN]}'),
    "1e999": lambda: reading(b'{"values": [1e999]}'),
    "an integer no float can hold": lambda: reading(
        b'{"values": [], "by_sensor": {"1": ' + b"9" * 400 + b"}}"
    ),
    "duplicate keys": lambda: reading(b'{"values": [1], "values": "x"}'),
    "a string of 10 MB": lambda: reading(b'{"values": "' + b"a" * 10_000_000 + b'"}'),
    "100,000 bad items": lambda: reading(b'{"values": [' + b"null," * 99_999 + b"null]}"),
    "a bad item after 100,000 good ones": lambda: reading(
        b'{"values": [' + b"1," * 100_000 + b'"x"]}'
    ),
    "10,000 members that collide": lambda: reading(
        json.dumps({"values": [], "seen": [i * COLLIDING for i in range(1, 10_001)]}).encode()
    ),
    "10,000 names that collide": lambda: reading(
        json.dumps(
            {"values": [], "by_sensor": {str(i * COLLIDING): 1 for i in range(1, 10_001)}}
        ).encode()
    ),
    "a type of 1 MB": lambda: b'{"event_type": "' + b"a." * 500_000 + b'"}',
    "a version of 500 KB": lambda: (
        b'{"event_type": "reading.taken", "metadata": {"version": "' + b"v" * 500_000 + b'"}}'
    ),
    "metadata that is no text": lambda: b'{"event_type": "a", "metadata": {"n": [[[]]]}}',
    "a member name of 500 KB": lambda: reading(
        b'{"values": [], "tags": {"' + b"k" * 500_000 + b'": 1}}'
    ),
    "an object for the list of a path": lambda: (
        b'{"event_type": "anything.at_all", "payload": {"a": {"b": {"0": [1]}}}}'
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_event_is_the_event_s_own_error(name: str) -> None:
    with pytest.raises(EventRouterError):
        ROUTER.dispatch_sync(HOSTILE[name]())


@pytest.mark.parametrize("name", HOSTILE)
def test_the_error_of_a_hostile_event_is_short(name: str) -> None:
    result = ROUTER.process_sync(HOSTILE[name]())

    assert result.error is not None
    assert len(str(result.error)) < 20_000
    assert all(not 0xD800 <= ord(character) < 0xE000 for character in str(result.error))


@given(st.binary(max_size=300))
def test_any_bytes_end_in_an_error_of_ours(raw: bytes) -> None:
    for router in (ROUTER, MAPPED):
        with pytest.raises(EventRouterError):
            router.dispatch_sync(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "event_type": st.sampled_from(["reading.taken", "anything.x", "other"]) | json_values,
            "timestamp": st.just("2024-08-20T05:21:19Z") | json_values,
            "payload": json_values
            | st.fixed_dictionaries({"values": json_values}, optional={"seen": json_values}),
            "metadata": json_values | st.dictionaries(st.text(), st.text()),
        },
    )
)
def test_an_envelope_of_anything_is_handled_or_an_error_of_ours(tree: dict[str, Any]) -> None:
    for raw in (json.dumps(tree), tree):
        result = ROUTER.process_sync(raw)

        assert result.error is None or isinstance(result.error, EventRouterError)


@given(json_values, st.dictionaries(st.text(), st.text()))
def test_a_mapped_body_of_anything_is_handled_or_an_error_of_ours(
    tree: Any, headers: dict[str, str]
) -> None:
    result = MAPPED.process_sync(json.dumps(tree), {"x-type": "reading.taken", **headers})

    assert result.error is None or isinstance(result.error, EventRouterError)


def test_a_header_that_is_no_text_is_malformed() -> None:
    result = MAPPED.process_sync(b"{}", {"X-Type": b"reading.taken"})  # type: ignore[dict-item]

    assert result.status is Status.MALFORMED


def test_an_envelope_that_breaks_is_malformed_with_its_cause() -> None:
    class Broken:
        def fits(self, body: Any, headers: Any) -> bool:
            return True

        def read(self, body: Any, headers: Any) -> Event[Any]:
            raise KeyError("kind")

        def write(self, event: Any) -> Any: ...

    result = make_router(envelope=Broken()).process_sync(b"{}")

    assert isinstance(result.error, MalformedEvent)
    assert isinstance(result.error.__cause__, KeyError)


def test_errors_are_capped_in_number() -> None:
    result = ROUTER.process_sync(HOSTILE["100,000 bad items"]())

    assert isinstance(result.error, InvalidPayload)
    assert len(result.error.errors) == 20


def test_members_that_collide_pass_where_the_limit_allows_them() -> None:
    router = make_router(limits=Limits(max_equal_hashes=100))
    raw = json.dumps({"values": [], "seen": [i * COLLIDING for i in range(100)]}).encode()

    assert router.dispatch_sync(reading(raw)).ok
