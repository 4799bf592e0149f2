"""The endpoint for WSGI servers and frameworks, on the standard library alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from eventrouter.contexts import in_new_loop
from eventrouter.integrations.http.accepting import Threads
from eventrouter.integrations.http.answers import PHRASES, Answer, Refused, problem
from eventrouter.integrations.http.batches import Delivery
from eventrouter.integrations.http.bodies import Chunks
from eventrouter.integrations.http.endpoint import Endpoint, Events
from eventrouter.integrations.http.heads import Head
from eventrouter.integrations.http.keeping import Keeping
from eventrouter.signatures.replay import Guard

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_CHUNK = 1 << 16  # bytes
_WITHOUT_PREFIX = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


@frozen(eq=False)
class WSGIEndpoint:
    """
    A WSGI application that hands a router the events sent to it; made by ``wsgi()``.

    It answers at every path.

    Args:
        endpoint: What it does with a request.
        threads: What processes events that are answered before; None to answer after.
        keeping: What keeps events in an inbox, and answers then; None if there is none.
    """

    endpoint: Endpoint
    threads: Threads | None
    keeping: Keeping | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        try:
            answer = self._answer(environ)
        except Refused as refused:
            answer = refused.answer
        start_response(f"{answer.status} {PHRASES[answer.status]}", list(answer.fields))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def close(self) -> None:
        """Accept no more events, and wait until all that ``on_accept=202`` took are processed."""
        if self.threads is not None:
            self.threads.close()

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        endpoint = self.endpoint
        head = endpoint.read_head(environ["REQUEST_METHOD"], _headers_of(environ))
        events = endpoint.read_body(head, _body_of(environ, head, endpoint.chunks()))
        if endpoint.replay is None or events.key is None:
            return self._take_all(events)
        return self._take_once(events, endpoint.replay, events.key)

    def _take_once(self, events: Events, guard: Guard, key: str) -> Answer:
        claim = in_new_loop(guard.claim, key)
        if claim.refused is not None:
            return self.endpoint.answer_to_repeated(claim.refused)
        settle = guard.release  # unless it turns out well: so that the sender may try again
        try:
            answer = self._take_all(events)
            if answer.is_success:
                settle = guard.complete
        finally:
            in_new_loop(settle, claim)
        return answer

    def _take_all(self, events: Events) -> Answer:
        return events.answer([self._take(delivery) for delivery in events.deliveries])

    def _take(self, delivery: Delivery) -> Answer:
        if self.keeping is not None:
            return in_new_loop(self.keeping.accept, delivery)
        if self.threads is not None:
            return self.endpoint.refusal(delivery) or self.threads.accept(delivery)
        return self.endpoint.answer(self.endpoint.router.process_sync(*delivery))


def _headers_of(environ: WSGIEnvironment) -> dict[str, str]:
    # Latin-1 as PEP 3333 has it, and values of a repeated header joined by the server.
    headers: dict[str, str] = {}
    for name, value in environ.items():
        if name in _WITHOUT_PREFIX:
            headers[_WITHOUT_PREFIX[name]] = value
        elif name.startswith("HTTP_"):
            headers[name[5:].replace("_", "-").lower()] = value
    return headers


def _body_of(environ: WSGIEnvironment, head: Head, chunks: Chunks) -> bytes:
    left: float
    if head.length is not None:
        left = head.length
    elif environ.get("wsgi.input_terminated"):
        left = float("inf")
    elif "transfer-encoding" in head.headers:
        # Reading on would wait for ever: this server does not say where the body ends.
        raise Refused(problem(411, "the request must declare its content length"))
    else:
        left = 0
    source: Any = environ["wsgi.input"]
    while left:
        chunk = _read(source, int(min(left, _CHUNK)))
        if not chunk:
            break
        left -= len(chunk)
        chunks.add(chunk)
    if head.length is not None and left:
        raise _cut_short()
    return chunks.whole()


def _read(source: Any, most: int) -> bytes:
    try:
        chunk: bytes = source.read(most)
    except OSError:  # the sender went away
        raise _cut_short() from None
    return chunk


def _cut_short() -> Refused:
    return Refused(problem(400, "the body ends early"))
