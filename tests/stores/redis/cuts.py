"""A way to a server on which connections are cut in the middle."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal

#: Where the next connection in use is cut: before the server has what was sent, or when it has
#: answered and the answer is not there yet.
Cut = Literal["before", "after"]


class Way:
    """Passes on what clients and the server say, until it is told to cut the next."""

    def __init__(self, host: str, port: int) -> None:
        self.cut: Cut | None = None
        self._server = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept)]
        self._open: set[socket.socket] = set()
        self._threads[0].start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._threads[0].join()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                self._open |= {client, server}
                thread = threading.Thread(target=self._pass_on, args=(client, server))
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, selectors.DefaultSelector() as selector, suppress(OSError):
            selector.register(client, selectors.EVENT_READ, (client, server, "before"))
            selector.register(server, selectors.EVENT_READ, (server, client, "after"))
            while True:
                for key, _ in selector.select():
                    source, target, direction = key.data
                    data = source.recv(65_536)
                    if not data:
                        return
                    if self.cut == direction:
                        self.cut = None
                        return
                    target.sendall(data)


@contextmanager
def way_to(host: str, port: int) -> Generator[Way]:
    way = Way(host, port)
    try:
        yield way
    finally:
        way.close()
