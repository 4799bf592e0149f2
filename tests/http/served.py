"""The applications that servers are started with by their command lines."""

from __future__ import annotations

from time import sleep
from typing import Any

from eventrouter import Router
from eventrouter.integrations.http import asgi, wsgi
from tests.http.exchanges import OPTIONS, make_router

DONE = "processed what was accepted"

asgi_app = asgi(make_router(), **OPTIONS)
wsgi_app = wsgi(make_router(), **OPTIONS)

slow = Router()


@slow.on("order.paid")
def take_a_while(payload: Any) -> None:
    sleep(0.01)  # so that most of many still wait when the server is told to stop
    print(DONE, flush=True)


accepting_asgi_app = asgi(slow, on_accept=202, workers=1)
accepting_wsgi_app = wsgi(slow, on_accept=202, workers=1)
