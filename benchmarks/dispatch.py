"""
One small event to one async handler, beside the same written by hand.

By hand: ``json.loads``, a look-up by type and version, the same strict cattrs hook, ``await``; once
more with the timestamp checked, as a router does for each event.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from attrs import frozen

from benchmarks.contenders.eventrouter import without_msgspec
from benchmarks.rounds import Run, measure, repeated, table
from eventrouter import Router, make_converter
from eventrouter.timestamps import parse_datetime

RAW = (
    b'{"event_type": "user.created", "timestamp": "2024-08-20T05:21:19.143357839Z", '
    b'"payload": {"user_id": "12345", "username": "johndoe", "age": 42}, '
    b'"metadata": {"source": "user_service", "version": "v1"}}'
)


@frozen
class UserCreated:
    user_id: str
    username: str
    age: int


async def handle(user: UserCreated) -> None: ...


def inline(user: UserCreated) -> None: ...


def by_hand(reads_timestamp: bool) -> Run:
    converter = make_converter().copy(detailed_validation=False)
    hook = converter.get_structure_hook(UserCreated)
    handlers = {("user.created", "v1"): (handle, hook)}

    async def dispatch(raw: bytes) -> None:
        event = json.loads(raw)
        handler, build = handlers[event["event_type"], event["metadata"]["version"]]
        await handler(build(event["payload"], UserCreated))

    async def dispatch_with_timestamp(raw: bytes) -> None:
        event = json.loads(raw)
        parse_datetime(event["timestamp"])
        handler, build = handlers[event["event_type"], event["metadata"]["version"]]
        await handler(build(event["payload"], UserCreated))

    return repeated(dispatch_with_timestamp if reads_timestamp else dispatch, RAW)


def with_routes(count: int) -> Router:
    router = Router()
    router.on("user.created", version="v1")(handle)
    for number in range(count - 1):
        router.on(f"user.created.{number}", version="v1")(handle)
    return router


async def main() -> None:
    three = Router()
    for number in range(3):
        three.on("user.created", version="v1")(_named(number))
    in_line = Router()
    in_line.on("user.created", version="v1", thread=False)(inline)
    routers = {
        "one async handler": with_routes(1),
        "the same without msgspec": without_msgspec(with_routes(1)),
        "10 exact routes": with_routes(10),
        "100,000 exact routes": with_routes(100_000),
        "one sync handler, thread=False": in_line,
        "three async handlers": three,
    }
    contenders = {
        "by hand": by_hand(reads_timestamp=False),
        "by hand, the timestamp checked too": by_hand(reads_timestamp=True),
    }
    for name, router in routers.items():
        router.compile()
        contenders[name] = repeated(router.dispatch, RAW)
    print(table(await measure(contenders), "by hand"))


def _named(number: int) -> Any:
    async def handler(user: UserCreated) -> None: ...

    handler.__qualname__ = f"handler_{number}"
    return handler


if __name__ == "__main__":
    asyncio.run(main())
