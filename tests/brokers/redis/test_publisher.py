"""Publishing to streams of Redis."""

from __future__ import annotations

import pytest
from faststream.redis import RedisBroker, StreamSub

from eventrouter import Event, StoreError
from eventrouter.integrations.faststream.redis import RedisPublisher
from tests.brokers.redis.conftest import RedisRig
from tests.events import raw_event
from tests.services import REDIS

pytestmark = pytest.mark.anyio

EVENT = Event.new("order.paid", {"order_id": "1"})


async def test_what_is_published_is_in_the_stream_of_its_type(rig: RedisRig) -> None:
    broker = RedisBroker(REDIS)
    publisher = RedisPublisher(broker, f"{rig.stream}.{{type}}")

    await publisher.publish(EVENT, b"{}", {})

    await broker.stop()
    assert await rig.client.xlen(f"{rig.stream}.order.paid") == 1


async def test_what_is_published_is_taken_as_it_was(rig: RedisRig) -> None:
    raw, headers = raw_event("order.paid", 1), {"x-name": "Zoë", "content-type": "application/json"}
    broker = RedisBroker(REDIS)
    async with rig.opened() as queue:
        await RedisPublisher(broker, rig.stream).publish(EVENT, raw, headers)

        [entry] = await queue.take("w", limit=1, lease=30)

        assert (entry.raw, entry.headers) == (raw, headers)
        await queue.done(entry)
    await broker.stop()


async def test_a_subscriber_of_faststream_gets_it(rig: RedisRig) -> None:
    broker = RedisBroker(REDIS)
    stream = StreamSub(rig.stream, group="f", consumer="1")
    subscriber = broker.subscriber(stream=stream)
    await broker.start()
    await RedisPublisher(broker, rig.stream).publish(
        EVENT, b'{"order_id": "1"}', {"content-type": "application/json", "x-name": "Zoë"}
    )

    message = await subscriber.get_one()

    assert message is not None
    assert await message.decode() == {"order_id": "1"}
    assert message.headers["x-name"] == "Zoë"
    await broker.stop()


async def test_where_there_is_no_server_it_is_not_published() -> None:
    publisher = RedisPublisher(RedisBroker("redis://:hunter2@127.0.0.1:1"), "orders")

    with pytest.raises(StoreError) as failed:
        await publisher.publish(EVENT, b"{}", {})

    assert "hunter2" not in str(failed.value)
