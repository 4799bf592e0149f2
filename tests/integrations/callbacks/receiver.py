"""A real HTTP server that notes what it is sent, and events that ask to be answered there."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import Factory, define, frozen

from eventrouter import Router
from tests.events import PAYLOAD, Paid

#: What checks certificates is slow to make, and of no matter to ``http``.
TLS = ssl.create_default_context()


@frozen
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@define(eq=False)
class Receiver:
    """
    Attributes:
        port: Where it listens, on 127.0.0.1.
        answers: The status of each answer to come; 204 for those past them.
        headers: Of every answer.
        body: Of every answer.
        requests: What it was sent.
        held: Requests are answered while it is set.
    """

    port: int = 0
    answers: list[int] = Factory(list)
    headers: dict[str, str] = Factory(dict)
    body: bytes = b""
    requests: list[Request] = Factory(list)
    arrived: threading.Semaphore = Factory(lambda: threading.Semaphore(0))
    answering: threading.Event = Factory(threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def event(self, **more: Any) -> dict[str, Any]:
        return event(f"http://{self.host}/success", f"http://{self.host}/fail", **more)


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.answering.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.requests.append(Request(self.command, self.path, dict(self.headers), body))
            receiver.arrived.release()
            receiver.answering.wait(30)
            self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.body)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None: ...  # it may hang up

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.answering.set()
            server.shutdown()
            thread.join()


def event(success_url: Any, fail_url: Any = None, **more: Any) -> dict[str, Any]:
    callback = {"success_url": success_url, "fail_url": fail_url}
    return {"event_type": "order.paid", "payload": PAYLOAD, "callback": callback, **more}


def answered_router(*after: Any, error: BaseException | None = None) -> Router:
    """A router whose one handler returns, or raises the error."""
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid) -> None:
        if error is not None:
            raise error

    @router.on("order.kept", thread=False)
    def keep(paid: Paid) -> None: ...

    for hook in after:
        router.after(hook)
    return router
