"""A queue of RabbitMQ: taken by any number of processes, tried again, set aside with its bytes."""

import os
import socket
import uuid
from urllib.parse import urlsplit

import aio_pika
import anyio
from attrs import frozen
from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue

from eventrouter import Router
from eventrouter.integrations.faststream import consume

URL = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@localhost:5672/")
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
    broker = RabbitBroker(URL, logger=None)
    orders = broker.subscriber(
        RabbitQueue(NAME, queue_type=QueueType.QUORUM, routing_key="order.#"),
        RabbitExchange(NAME, type=ExchangeType.TOPIC),
    )
    async with broker, consume(router, broker, orders, wait=0.1) as workers:  # failures are logged
        for cents in ("995", '"much"'):
            payload = f'{{"order_id": "o-1", "cents": {cents}}}'
            event = f'{{"event_type": "order.paid", "payload": {payload}}}'
            await broker.publish(event.encode(), exchange=orders.exchange, routing_key="order.paid")
        await workers.emptied()
    await show_dead_letters()


async def show_dead_letters() -> None:
    async with await aio_pika.connect(URL) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(f"{NAME}.dead-letters")
        letter = await queue.get(no_ack=True)
        print(f"dead letter {letter.body.decode()}")
        print("   ", letter.headers["eventrouter-message"])
        for beside in ("", ".dead-letters", ".suspects", ".retry.1s"):
            await channel.queue_delete(NAME + beside)
        await channel.exchange_delete(NAME)


def is_there(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "localhost", parts.port or 5672), 5).close()
    except OSError:
        return False
    return True


if is_there(URL):
    anyio.run(main)
else:
    print("no RabbitMQ at RABBITMQ_URL; run docker compose -f examples/compose/rabbitmq.yaml up")

# Output:
# settled o-1 at attempt 2
# dead letter {"event_type": "order.paid", "payload": {"order_id": "o-1", "cents": "much"}}
#     $.cents: expected integer
