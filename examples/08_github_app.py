"""A GitHub app that runs alone: deliveries signed, each let through once, and typed."""

import json
import socket
from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection
from threading import Thread
from typing import Any

import uvicorn
from attrs import frozen

from eventrouter import Event, Header, MappedEnvelope, Router
from eventrouter.integrations.http import asgi
from eventrouter.signatures import GitHub, ReplayGuard

router = Router(
    envelope=MappedEnvelope(
        type=Header("X-GitHub-Event"), id=Header("X-GitHub-Delivery"), payload="$"
    )
)


@frozen
class Issue:
    number: int
    title: str


@frozen
class IssueOpened:
    issue: Issue


@frozen
class Release:
    tag_name: str
    published_at: datetime | None


@frozen
class ReleaseChanged:
    release: Release


@router.on("issues", where={"action": "opened"})
def answer(opened: IssueOpened) -> None:
    print(f"answer issue {opened.issue.number}: {opened.issue.title}")


@router.on("release")
async def announce(changed: ReleaseChanged, event: Event[Any]) -> None:
    print(f"announce {changed.release.tag_name}, says delivery {event.id}")


@router.fallback
def leave(event: Event[Any]) -> None:
    print(f"leave {event.type}")


signature = GitHub("It's a Secret to Everybody")
app = asgi(router, signature=signature, replay=ReplayGuard())

OPENED = b'{"action": "opened", "issue": {"number": 7, "title": "Late", "labels": []}}'
RELEASED = b'{"release": {"tag_name": "v1.0", "published_at": "2026-04-01T09:00:00Z"}}'
MISFIT = b'{"release": {"tag_name": 1.1, "published_at": null}}'
DELIVERIES = [
    ("ping", b'{"zen": "Keep it logically awesome."}', b""),
    ("issues", OPENED, b""),
    ("issues", OPENED, b""),  # the same again
    ("issues", OPENED, b" "),  # with a byte that was not signed
    ("release", RELEASED, b""),
    ("release", MISFIT, b""),
]

with socket.create_server(("127.0.0.1", 0)) as listening:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    for number, (event_type, body, more) in enumerate(DELIVERIES, 1):
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event_type,
            "X-GitHub-Delivery": str(number),
            **signature.sign(body),
        }
        with closing(HTTPConnection("127.0.0.1", listening.getsockname()[1])) as connection:
            connection.request("POST", "/", body + more, headers)
            reply = connection.getresponse()
            told = json.loads(reply.read())
            print(reply.status, told.get("errors") or told.get("detail") or told["outcome"])
    server.should_exit = True
    thread.join()

# Output:
# leave ping
# 200 handled
# answer issue 7: Late
# 200 handled
# 200 duplicate
# 401 the signature is missing or wrong
# announce v1.0, says delivery 5
# 200 handled
# 422 [{'path': '$.release.tag_name', 'expected': 'string'}]
