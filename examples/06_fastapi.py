"""Webhooks in a FastAPI application: signed, answered at once, processed in the background."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection
from threading import Thread

import uvicorn
from attrs import frozen
from fastapi import FastAPI
from starlette.routing import Route

from eventrouter import Router
from eventrouter.integrations.http import asgi
from eventrouter.signatures import ReplayGuard, StandardWebhooks


@frozen
class OrderPaid:
    order: str
    cents: int


router = Router()
paid: list[str] = []


@router.on("order.paid")
async def book(payment: OrderPaid) -> None:
    paid.append(f"{payment.order}: {payment.cents} cents")


signature = StandardWebhooks("whsec_QSBzZWNyZXQgdGhhdCBvbmx5IHR3byBrbm93")
events = asgi(router, signature=signature, replay=ReplayGuard(), on_accept=202)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with events.running():  # at the end, all that was accepted is processed
        yield


app = FastAPI(routes=[Route("/events", events)], lifespan=lifespan)


def deliver(port: int, body: bytes, headers: dict[str, str]) -> None:
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        headers = {"Content-Type": "application/json", **headers}
        connection.request("POST", "/events", body, headers)
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        print(reply.status, answer.get("detail") or answer["outcome"])


EVENT = b'{"event_type": "order.paid", "payload": {"order": "o-1", "cents": 995}}'
ANOTHER = EVENT.replace(b"o-1", b"o-2")

with socket.create_server(("127.0.0.1", 0)) as listening:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    port = listening.getsockname()[1]
    signed = signature.sign(EVENT)
    deliver(port, EVENT, signed)
    deliver(port, EVENT, signed)  # again
    deliver(port, ANOTHER, signed)  # forged
    deliver(port, ANOTHER, signature.sign(ANOTHER))
    deliver(port, b"{}", signature.sign(b"{}"))
    server.should_exit = True
    thread.join()

print(*sorted(paid), sep="\n")

# Output:
# 202 accepted
# 200 duplicate
# 401 the signature is missing or wrong
# 202 accepted
# 400 event_type is missing
# o-1: 995 cents
# o-2: 995 cents
