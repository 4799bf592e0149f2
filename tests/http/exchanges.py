"""Requests, and what each is answered with, whatever server and framework they go through."""

from __future__ import annotations

import gzip
import json
from typing import Any

from attrs import field, frozen

from eventrouter import CloudEventsEnvelope, JsonEnvelope, Limits, Router
from eventrouter.signatures import GitHub
from tests.events import PAYLOAD, Paid, raw_event
from tests.http.servers import JSON, send

SIGNATURE = GitHub("secret")
OPTIONS: dict[str, Any] = {"signature": SIGNATURE, "batch": True}
MOST = 1_000
PROBLEM = "application/problem+json"
TOLD = ("content-type", "allow", "accept", "accept-encoding", "www-authenticate")


def make_router() -> Router:
    """The router that all of them are sent to, with an endpoint made by ``OPTIONS``."""
    router = Router(envelope=[JsonEnvelope(), CloudEventsEnvelope()], limits=Limits(max_bytes=MOST))

    @router.on("order.paid")
    async def pay(payload: Paid) -> None: ...

    @router.on("order.sent")
    def send_in_a_thread(payload: Paid) -> None: ...

    @router.on("order.lost")
    async def lose(payload: Any) -> None:
        raise ConnectionError("postgres://admin:password@db")

    return router


@frozen
class Answer:
    """What counts of a reply."""

    status: int
    document: Any
    headers: dict[str, str]


@frozen
class Exchange:
    """A request, signed unless it brings a signature of its own, and its answer."""

    body: bytes
    answer: Answer
    headers: dict[str, str] = field(factory=dict)
    method: str = "POST"
    chunked: bool = False

    def sent_to(self, port: int, path: str) -> Answer:
        headers = {**JSON, **SIGNATURE.sign(self.body), **self.headers}
        body: Any = self.body
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = (self.body[start : start + 100] for start in range(0, len(self.body), 100))
        reply = send(port, body, headers, method=self.method, path=path, chunked=self.chunked)
        told = {name: reply.headers[name] for name in TOLD if name in reply.headers}
        return Answer(reply.status, json.loads(reply.body), told)


def answers(port: int, path: str = "/") -> dict[str, Answer]:
    """The answers of a server to all requests, by their names."""
    return {name: exchange.sent_to(port, path) for name, exchange in EXCHANGES.items()}


def _done(document: Any) -> Answer:
    return Answer(200, document, {"content-type": "application/json"})


def _problem(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> Answer:
    document = _document(status, title, detail, **members)
    return Answer(status, document, {"content-type": PROBLEM, **(headers or {})})


def _document(status: int, title: str, detail: str, **members: Any) -> dict[str, Any]:
    named = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return {**named, **members}


def _event_of(size: int) -> bytes:
    return raw_event("order.lost", "x" * (size - len(raw_event("order.lost", ""))))


_HANDLED = {"outcome": "handled"}
_FAILED = (500, "Internal Server Error", "the event could not be processed")
_TOO_LARGE = _problem(413, "Content Too Large", "the body is over 1,000 bytes")
_WRONG_METHOD = _problem(405, "Method Not Allowed", "events are sent by POST", {"allow": "POST"})
_UNSIGNED = _problem(
    401,
    "Unauthorized",
    "the signature is missing or wrong",
    {"www-authenticate": "Signature"},
)

_CLOUDEVENT = {"specversion": "1.0", "type": "order.paid", "id": "e-3", "source": "/shop"}
_STRUCTURED = json.dumps({**_CLOUDEVENT, "data": PAYLOAD}).encode()

EXCHANGES = {
    "handled": Exchange(raw_event(), _done(_HANDLED)),
    "handled in a thread": Exchange(raw_event("order.sent"), _done(_HANDLED)),
    "packed": Exchange(
        gzip.compress(raw_event()), _done(_HANDLED), headers={"Content-Encoding": "gzip"}
    ),
    "chunked": Exchange(raw_event(note="x" * 500), _done(_HANDLED), chunked=True),
    "array": Exchange(b"[%b,%b]" % (raw_event(), raw_event()), _done([_HANDLED, _HANDLED])),
    "lines": Exchange(
        b"%b\n%b\n" % (raw_event(), raw_event("order.lost", id="e-2")),
        Answer(
            500,
            [_HANDLED, _document(*_FAILED, outcome="failed", event_id="e-2")],
            {"content-type": "application/json"},
        ),
        headers={"Content-Type": "application/x-ndjson"},
    ),
    "CloudEvent": Exchange(
        _STRUCTURED, _done(_HANDLED), headers={"Content-Type": "application/cloudevents+json"}
    ),
    "CloudEvent in binary mode": Exchange(
        json.dumps(PAYLOAD).encode(),
        _done(_HANDLED),
        headers={f"ce-{name}": value for name, value in _CLOUDEVENT.items()},
    ),
    "CloudEvents": Exchange(
        b"[%b]" % _STRUCTURED,
        _done([_HANDLED]),
        headers={"Content-Type": "application/cloudevents-batch+json"},
    ),
    "malformed": Exchange(
        b"\xff", _problem(400, "Bad Request", "not UTF-8: byte 0 is wrong", outcome="malformed")
    ),
    "unrouted": Exchange(
        raw_event("nobody"),
        _problem(
            422,
            "Unprocessable Content",
            'events of type "nobody" are not taken',
            outcome="unrouted",
        ),
    ),
    "invalid": Exchange(
        raw_event(payload={"order": 1, "cents": 995}, id="e-1"),
        _problem(
            422,
            "Unprocessable Content",
            "the payload does not fit the type that is expected of such an event",
            outcome="invalid",
            event_id="e-1",
            errors=[{"path": "$.order", "expected": "string"}],
        ),
    ),
    "failed": Exchange(raw_event("order.lost"), _problem(*_FAILED, outcome="failed")),
    "not signed": Exchange(raw_event(), _UNSIGNED, headers={"X-Hub-Signature-256": ""}),
    "signed by another": Exchange(
        raw_event(), _UNSIGNED, headers=dict(GitHub("another secret").sign(raw_event()))
    ),
    "as large as may be": Exchange(_event_of(MOST), _problem(*_FAILED, outcome="failed")),
    "too large": Exchange(_event_of(MOST + 1), _TOO_LARGE),
    "too large in chunks": Exchange(_event_of(MOST + 1), _TOO_LARGE, chunked=True),
    "too large unpacked": Exchange(
        gzip.compress(_event_of(MOST + 1)), _TOO_LARGE, headers={"Content-Encoding": "gzip"}
    ),
    "got": Exchange(b"", _WRONG_METHOD, method="GET"),
    "put": Exchange(raw_event(), _WRONG_METHOD, method="PUT"),
    "another content type": Exchange(
        raw_event(),
        _problem(
            415,
            "Unsupported Media Type",
            "the content type must be one of JSON's",
            {
                "accept": "application/json, application/cloudevents+json, "
                "application/cloudevents-batch+json, application/x-ndjson"
            },
        ),
        headers={"Content-Type": "text/plain"},
    ),
    "another coding": Exchange(
        raw_event(),
        _problem(
            415,
            "Unsupported Media Type",
            "the body may be coded as gzip or deflate, or not at all",
            {"accept-encoding": "gzip, deflate"},
        ),
        headers={"Content-Encoding": "br"},
    ),
}

EXPECTED = {name: exchange.answer for name, exchange in EXCHANGES.items()}
