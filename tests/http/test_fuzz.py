"""Whatever is sent, it is answered, over ASGI as over WSGI, and not with a 5xx of our own."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventrouter import Limits, Router
from eventrouter.signatures import GitHub
from tests.events import Paid, raw_event
from tests.http.servers import ASGIServer, Reply, WSGIServer, send

CODES_OF_OURS = {200, 204, 400, 401, 405, 413, 415, 422}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
events = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["order.paid", "ignored.by.us"]) | json_values},
    optional={
        "payload": st.just({"order": "o", "cents": 1}) | json_values,
        "metadata": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2)
        | json_values,
        "timestamp": st.just("2024-08-20T05:21:19Z") | json_values,
    },
)
documents = events | st.lists(events, max_size=4) | json_values
bodies = st.one_of(
    st.binary(max_size=60),
    documents.map(lambda value: json.dumps(value).encode()),
    st.lists(documents.map(json.dumps), max_size=3).map(lambda lines: "\n".join(lines).encode()),
    st.integers(200, 700).map(lambda size: b"[" * size),
)
# Servers themselves refuse control characters, and strip white space.
CONTROLS = bytes([*range(0x20), 0x7F])
header_texts = st.binary(max_size=60).map(lambda text: text.translate(None, CONTROLS).strip())
content_types = st.sampled_from(
    [
        b"application/json",
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json; charset",
        b"application/x-ndjson",
        b"application/cloudevents+json",
        b"application/cloudevents-batch+json",
        b"text/plain",
    ]
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": content_types | header_texts,
        "Content-Encoding": st.sampled_from([b"gzip", b"deflate", b"identity", b"br"])
        | header_texts,
        "X-Hub-Signature-256": header_texts,
        "ce-specversion": st.sampled_from([b"1.0"]) | header_texts,
        "ce-type": header_texts,
    },
)
valid_events = st.builds(
    raw_event,
    st.sampled_from(["order.paid", "order.paid", "nobody.takes.it"]),
    st.fixed_dictionaries({"order": st.text(max_size=4), "cents": st.integers() | st.none()}),
)


@pytest.fixture(scope="module")
def router() -> Router:
    router = Router(limits=Limits(max_bytes=600))

    @router.on("order.paid")
    async def handle(payload: Paid) -> None: ...

    return router


def told(reply: Reply) -> tuple[Any, ...]:
    names = ("content-type", "allow", "accept", "accept-encoding", "www-authenticate")
    return (reply.status, *(reply.header(name) for name in names), reply.body)


def both(asgi_server: ASGIServer, wsgi_server: WSGIServer, *sent: Any, **how: Any) -> Reply:
    """What both endpoints answer, once they are seen to answer the same."""
    first = send(asgi_server.port, *sent, **how)
    second = send(wsgi_server.port, *sent, **how)
    assert told(first) == told(second)
    return first


@given(
    method=st.sampled_from(["POST"] * 9 + ["PUT"]),
    headers=headers,
    body=bodies,
    batch=st.booleans(),
)
def test_any_request_is_answered_alike_and_not_with_a_failure_of_ours(
    asgi_server: ASGIServer,
    wsgi_server: WSGIServer,
    router: Router,
    method: str,
    headers: dict[str, bytes],
    body: bytes,
    batch: bool,
) -> None:
    asgi_server.mount(router, batch=batch, max_batch=3)
    wsgi_server.mount(router, batch=batch, max_batch=3)

    reply = both(asgi_server, wsgi_server, body, headers, method=method)

    assert reply.status in CODES_OF_OURS
    if reply.body:
        json.loads(reply.body)


@given(
    content_type=st.sampled_from([b"application/json", b"application/x-ndjson"]),
    body=bodies | valid_events | st.lists(valid_events, max_size=4).map(b"\n".join),
    coding=st.sampled_from([None, "gzip", "deflate"]),
    batch=st.booleans(),
)
@example(b"application/json", raw_event(), None, False)
@example(b"application/x-ndjson", raw_event(), "gzip", False)
def test_any_body_is_answered_alike_and_not_with_a_failure_of_ours(
    asgi_server: ASGIServer,
    wsgi_server: WSGIServer,
    router: Router,
    content_type: bytes,
    body: bytes,
    coding: str | None,
    batch: bool,
) -> None:
    asgi_server.mount(router, batch=batch, max_batch=3)
    wsgi_server.mount(router, batch=batch, max_batch=3)
    headers: dict[str, Any] = {"Content-Type": content_type}
    if coding is not None:
        headers["Content-Encoding"] = coding
        body = gzip.compress(body) if coding == "gzip" else zlib.compress(body)

    reply = both(asgi_server, wsgi_server, body, headers)

    assert reply.status in CODES_OF_OURS - {405, 415}
    json.loads(reply.body)


@given(value=header_texts | header_texts.map(b"sha256=".__add__), body=bodies)
def test_any_signature_header_is_answered_alike_with_401(
    asgi_server: ASGIServer, wsgi_server: WSGIServer, router: Router, value: bytes, body: bytes
) -> None:
    asgi_server.mount(router, signature=GitHub("secret"))
    wsgi_server.mount(router, signature=GitHub("secret"))
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": value}

    reply = both(asgi_server, wsgi_server, body, headers)

    assert reply.status == (413 if len(body) > 600 else 401)
