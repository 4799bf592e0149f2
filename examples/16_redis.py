"""A stream of Redis: taken by any number of processes, tried again, set aside with its bytes."""

import os
import socket
import uuid
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
from attrs import frozen
from faststream.redis import RedisBroker, StreamSub

from eventrouter import Router
from eventrouter.integrations.faststream import consume

URL = os.environ.get("REDIS_URL", "redis://localhost:6379")
STREAM = f"orders-{uuid.uuid4()}"  # of this run alone; yours has a name that stays

router = Router()
attempts = list[str]()


@frozen
class Order:
    order_id: str
    cents: int


@router.on("order.paid")
async def settle(order: Order) -> None:
    attempts.append(order.order_id)
    if attempts.count(order.order_id) == 1:
        raise ConnectionError("the bank is closed")
    print(f"settled {order.order_id} at attempt {attempts.count(order.order_id)}")


async def main() -> None:
    broker: RedisBroker = cast(Any, RedisBroker)(URL, logger=None)
    orders = broker.subscriber(stream=StreamSub(STREAM, group="billing", consumer="any"))
    async with broker:
        redis: Any = await broker.connect()
        for cents in ("995", '"much"'):
            payload = f'{{"order_id": "o-1", "cents": {cents}}}'
            event = f'{{"event_type": "order.paid", "payload": {payload}}}'
            await redis.xadd(STREAM, {"data": event, "x-tenant": "acme"})

        # What fails is logged too. Leave volatile=True out: it lets the server lose events.
        async with consume(router, broker, orders, wait=0.1, volatile=True) as workers:
            await workers.emptied()

        for _, fields in await redis.xrange(f"{STREAM}:billing:dead-letters"):
            print(f"dead letter {fields[b'data'].decode()}")
            print(f"    {fields[b'eventrouter-message'].decode()}")
        await redis.delete(STREAM, f"{STREAM}:billing:dead-letters")


def is_there(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "localhost", parts.port or 6379), 5).close()
    except OSError:
        return False
    return True


if is_there(URL):
    anyio.run(main)
else:
    print("no Redis answers at REDIS_URL; run docker compose -f examples/compose/redis.yaml up")

# Output:
# settled o-1 at attempt 2
# dead letter {"event_type": "order.paid", "payload": {"order_id": "o-1", "cents": "much"}}
#     $.cents: expected integer
