"""A stream of NATS: taken by any number of processes, tried again, set aside with its bytes."""

import os
import socket
import uuid
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
from attrs import frozen
from faststream.nats import NatsBroker

from eventrouter import Router
from eventrouter.integrations.faststream import consume

URL = os.environ.get("NATS_URL", "nats://localhost:4222")
NAME = f"orders-{uuid.uuid4()}"  # of this run alone; yours has a name that stays

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
    broker: NatsBroker = cast(Any, NatsBroker)(URL, logger=None)
    orders = broker.subscriber(f"{NAME}.>", stream=NAME, durable="billing", pull_sub=True)
    dead = f"dead-{NAME}"
    async with broker:
        client: Any = await broker.connect()
        jetstream = client.jetstream()
        # What fails is logged too.
        async with consume(router, broker, orders, wait=0.1, dead_letters=dead) as workers:
            for cents in ("995", '"much"'):
                payload = f'{{"order_id": "o-1", "cents": {cents}}}'
                event = f'{{"event_type": "order.paid", "payload": {payload}}}'
                await jetstream.publish(f"{NAME}.paid", event.encode())
            await workers.emptied()

        letter = await jetstream.get_last_msg(dead.upper(), dead)
        print(f"dead letter {letter.data.decode()}")
        print(f"    {letter.headers['eventrouter-message']}")
        for stream in (NAME, dead.upper(), f"KV_{NAME}-billing-attempts"):
            await jetstream.delete_stream(stream)


def is_there(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "localhost", parts.port or 4222), 5).close()
    except OSError:
        return False
    return True


if is_there(URL):
    anyio.run(main)
else:
    print("no NATS answers at NATS_URL; run docker compose -f examples/compose/nats.yaml up")

# Output:
# settled o-1 at attempt 2
# dead letter {"event_type": "order.paid", "payload": {"order_id": "o-1", "cents": "much"}}
#     $.cents: expected integer
