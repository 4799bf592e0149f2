"""How far a body is read: to the limit, whichever way it is sent."""

from __future__ import annotations

import gzip
import io
import json
import socket
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import Limits, Router
from eventrouter.integrations.http import wsgi
from eventrouter.integrations.http.answers import Refused
from eventrouter.integrations.http.bodies import Chunks, decoded
from tests.events import raw_event
from tests.http.conftest import Endpoint
from tests.http.servers import JSON, send, wsgiref_server

MOST = 1_000
CODED: list[tuple[str, Any]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
]


@pytest.fixture
def router() -> Router:
    router = Router(limits=Limits(max_bytes=MOST))

    @router.on("order.paid")
    async def handle(payload: Any) -> None: ...

    return router


def event_of(size: int) -> bytes:
    event = raw_event(payload="")
    return raw_event(payload="x" * (size - len(event)))


# Plain


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(MOST, 200), (MOST + 1, 413), (50 * MOST, 413)])
def test_a_body_is_read_to_the_limit_and_no_further(
    endpoint: Endpoint, router: Router, size: int, status: int, chunked: bool
) -> None:
    endpoint.mount(router)
    event = event_of(size)
    body: Any = event
    headers = dict(JSON)
    if chunked:
        body = (event[start : start + 100] for start in range(0, size, 100))
        headers["Transfer-Encoding"] = "chunked"

    assert endpoint.send(body, headers, chunked=chunked).status == status


def test_a_413_names_the_limit(endpoint: Endpoint, router: Router) -> None:
    endpoint.mount(router)

    problem = json.loads(endpoint.send(event_of(MOST + 1)).body)

    assert problem["detail"] == "the body is over 1,000 bytes"


def test_what_is_declared_too_large_is_refused_before_it_is_sent(
    asgi_server: Any, router: Router
) -> None:
    asgi_server.mount(router)
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"

    with socket.create_connection(("127.0.0.1", asgi_server.port), timeout=30) as connection:
        connection.sendall(head + b"Content-Length: 1000000000000\r\n\r\n")
        status = connection.recv(1_000).split(b"\r\n")[0]

    assert b" 413 " in status


@given(st.lists(st.binary(max_size=40)), st.integers(0, 200))
def test_chunks_are_the_body_or_are_too_many(parts: list[bytes], most: int) -> None:
    chunks = Chunks(most)
    body = b"".join(parts)

    try:
        for part in parts:
            chunks.add(part)
    except Refused:
        assert len(body) > most
    else:
        assert chunks.whole() == body


# Coded


@pytest.mark.parametrize(("coding", "compress"), CODED)
def test_a_coded_body_is_decoded(
    endpoint: Endpoint, router: Router, coding: str, compress: Any
) -> None:
    endpoint.mount(router)
    headers = {**JSON, "Content-Encoding": coding.upper()}

    assert endpoint.send(compress(raw_event()), headers).status == 200


def test_a_body_said_to_be_coded_not_at_all_is_taken(endpoint: Endpoint, router: Router) -> None:
    endpoint.mount(router)

    assert endpoint.send(raw_event(), {**JSON, "Content-Encoding": "identity"}).status == 200


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "\xff"])
def test_any_other_coding_is_415_and_those_taken_are_told(
    endpoint: Endpoint, router: Router, coding: str
) -> None:
    endpoint.mount(router)

    reply = endpoint.send(b"x", {**JSON, "Content-Encoding": coding.encode("latin-1")})

    assert (reply.status, reply.header("Accept-Encoding")) == (415, "gzip, deflate")


@pytest.mark.parametrize(("coding", "compress"), CODED)
@pytest.mark.parametrize(("size", "status"), [(MOST, 200), (MOST + 1, 413), (1_000 * MOST, 413)])
def test_the_limit_is_that_of_the_decoded_body(
    endpoint: Endpoint, router: Router, coding: str, compress: Any, size: int, status: int
) -> None:
    endpoint.mount(router)

    reply = endpoint.send(compress(event_of(size)), {**JSON, "Content-Encoding": coding})

    assert reply.status == status


def test_a_bomb_takes_no_memory() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)

    tracemalloc.start()
    with pytest.raises(Refused):
        decoded(bomb, "gzip", 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4_000_000


@pytest.mark.parametrize(("coding", "compress"), CODED)
@pytest.mark.parametrize(
    ("spoil", "detail"),
    [
        (lambda coded: coded[:-1], "the body ends in the middle of its"),
        (lambda coded: coded[:3], "the body ends in the middle of its"),
        (lambda coded: b"", "the body ends in the middle of its"),
        (lambda coded: coded + b"x", "something follows the"),
        (lambda coded: coded + coded, "something follows the"),
        (lambda coded: b"{}", "the body is not"),
        (lambda coded: coded[:-2] + b"\1\1", "the body is not"),
    ],
)
def test_what_is_not_wholly_so_coded_is_400(
    endpoint: Endpoint, router: Router, coding: str, compress: Any, spoil: Any, detail: str
) -> None:
    endpoint.mount(router)

    reply = endpoint.send(spoil(compress(raw_event())), {**JSON, "Content-Encoding": coding})

    assert reply.status == 400
    assert json.loads(reply.body)["detail"].startswith(detail)


@given(st.binary(max_size=300), st.sampled_from(CODED), st.integers(1, 300))
def test_decoding_undoes_coding_within_the_limit(
    body: bytes, coded: tuple[str, Any], most: int
) -> None:
    coding, compress = coded
    try:
        assert decoded(compress(body), coding, most) == body
        assert len(body) <= most
    except Refused:
        assert len(body) > most


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_decoding_refuses_anything_or_keeps_within_the_limit(noise: bytes, coding: str) -> None:
    with suppress(Refused):
        assert len(decoded(noise, coding, 50)) <= 50


# What only WSGI has to care for: the server hands it a stream that may not end


def call(app: Any, source: Any, **environ: Any) -> int:
    started: list[str] = []
    given = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": source,
        **environ,
    }
    app(given, lambda status, headers: started.append(status))
    return int(started[0].partition(" ")[0])


class Socket(io.BytesIO):
    """A stream that fails the test if it is read past what there is."""

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        assert chunk or size == 0, "read past the end, where a socket would wait for ever"
        return chunk


def test_no_more_is_read_than_declared(router: Router) -> None:
    event = raw_event()

    assert call(wsgi(router), Socket(event + b"next"), CONTENT_LENGTH=str(len(event))) == 200


def test_without_a_length_nothing_is_read(router: Router) -> None:
    assert call(wsgi(router), Socket(raw_event())) == 400
    assert call(wsgi(router), Socket(raw_event()), CONTENT_LENGTH="") == 400


def test_a_chunked_body_of_which_the_server_hides_the_end_is_411(router: Router) -> None:
    assert call(wsgi(router), Socket(raw_event()), HTTP_TRANSFER_ENCODING="chunked") == 411


def test_a_stream_that_ends_is_read_to_its_end(router: Router) -> None:
    source = io.BytesIO(raw_event())

    assert call(wsgi(router), source, **{"wsgi.input_terminated": True}) == 200


def test_an_endless_stream_is_read_to_the_limit(router: Router) -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return b"x" * size

    source = Endless()

    assert call(wsgi(router), source, **{"wsgi.input_terminated": True}) == 413
    assert source.given <= 65_536


def test_a_body_shorter_than_declared_is_400(router: Router) -> None:
    event = raw_event()

    assert call(wsgi(router), io.BytesIO(event), CONTENT_LENGTH=str(len(event) + 1)) == 400


def test_a_sender_who_goes_away_while_the_body_is_read_is_no_failure_of_ours(
    router: Router,
) -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise ConnectionResetError

    assert call(wsgi(router), Broken(), CONTENT_LENGTH="10") == 400


@pytest.mark.parametrize(
    ("length", "status"), [("-1", 400), ("x", 400), ("1_0", 400), ("²", 400), ("9" * 9_999, 413)]
)
def test_a_length_that_is_none_is_refused(router: Router, length: str, status: int) -> None:
    assert call(wsgi(router), Socket(b"x"), CONTENT_LENGTH=length) == status


def test_it_runs_on_the_server_of_the_standard_library(router: Router) -> None:
    with wsgiref_server(wsgi(router)) as port:
        assert send(port, raw_event()).status == 200
