"""A way to the database that can be cut and mended, as the server can be stopped and started."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from types import TracebackType


class Relay:
    """
    A port of this machine at which another server is reached, while it is open.

    Args:
        host: Where that is.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listening: socket.socket | None = None
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def open(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._start(self._accept, self._listening)

    def cut(self) -> None:
        """End all that goes through it, and let nothing through any more."""
        if self._listening is not None:
            self._sockets.append(self._listening)
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()
        self._listening = None
        self._sockets.clear()
        self._threads.clear()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = listening.accept()
                there = socket.create_connection(self._target)
                self._sockets += [here, there]
                self._start(_pass_on, here, there)
                self._start(_pass_on, there, here)

    def _start(self, target: object, *sockets: socket.socket) -> None:
        thread = Thread(target=target, args=sockets)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.cut()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
