"""Webhooks in a Flask application: handlers in its context, beside its own pages."""

import json
import logging
from contextlib import closing
from http.client import HTTPConnection
from threading import Thread
from typing import Any

from attrs import frozen
from flask import Flask, current_app
from flask.ctx import AppContext
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from eventrouter import Router
from eventrouter.integrations.http import wsgi


@frozen
class OrderPaid:
    order: str
    cents: int


app = Flask(__name__)
app.config["PAID"] = {}
router = Router()
router.provide(AppContext, app.app_context)


@router.on("order.paid")
def book(payment: OrderPaid, context: AppContext) -> None:
    current_app.config["PAID"][payment.order] = payment.cents


@app.get("/orders/<order>")
def show(order: str) -> dict[str, Any]:
    return {"order": order, "paid": current_app.config["PAID"].get(order)}


served = DispatcherMiddleware(app, {"/events": wsgi(router)})


def request(port: int, method: str, path: str, body: bytes = b"") -> None:
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        told = json.loads(reply.read())
        print(reply.status, told.get("detail") or told)


logging.getLogger("werkzeug").setLevel(logging.WARNING)
server = make_server("127.0.0.1", 0, served, threaded=True)
thread = Thread(target=server.serve_forever)
thread.start()
EVENT = b'{"event_type": "order.paid", "payload": {"order": "o-1", "cents": 995}}'
request(server.port, "POST", "/events", EVENT)
request(server.port, "POST", "/events", EVENT.replace(b"order.paid", b"order.lost"))
request(server.port, "GET", "/events")
request(server.port, "GET", "/orders/o-1")
server.shutdown()
thread.join()
server.server_close()

# Output:
# 200 {'outcome': 'handled'}
# 422 events of type "order.lost" are not taken
# 405 events are sent by POST
# 200 {'order': 'o-1', 'paid': 995}
