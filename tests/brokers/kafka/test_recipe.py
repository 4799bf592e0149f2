"""What is refused of Kafka, and a router on FastStream's broker for tests."""

from __future__ import annotations

from typing import Any

import pytest
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, TestKafkaBroker, TopicPartition

from eventrouter import RegistrationError, Router, StoreError
from eventrouter.integrations.faststream import attach
from eventrouter.integrations.faststream.kafka import KafkaPublisher
from eventrouter.integrations.faststream.queues import connection_of, queue_of

pytestmark = pytest.mark.anyio

SOUND: dict[str, Any] = {
    "group_id": "g",
    "auto_offset_reset": "earliest",
    "ack_policy": AckPolicy.MANUAL,
}


def sound_broker() -> KafkaBroker:
    return KafkaBroker("127.0.0.1:1", acks="all", enable_idempotence=True, logger=None)


@pytest.mark.parametrize(
    ("topics", "settings", "message"),
    [
        (["t"], {"group_id": None, "ack_policy": AckPolicy.ACK_FIRST}, "pass group_id="),
        (["t"], {"auto_offset_reset": "latest"}, 'auto_offset_reset="earliest"'),
        (["t"], {"batch": True}, "pass batch=False"),
        ([], {"partitions": [TopicPartition("t", 0)]}, "instead of partitions="),
    ],
)
def test_a_subscriber_that_loses_events_is_refused(
    topics: list[str], settings: dict[str, Any], message: str
) -> None:
    broker = sound_broker()
    subscriber: Any = broker.subscriber(*topics, **{**SOUND, **settings})
    with pytest.raises(RegistrationError, match=message):
        queue_of(broker, subscriber, dead_letters=None)


def test_a_producer_that_one_replica_confirms_is_refused() -> None:
    with pytest.raises(RegistrationError, match="enable_idempotence=True"):
        KafkaPublisher(KafkaBroker("127.0.0.1:1", logger=None), "events")


@pytest.mark.parametrize("topic", ["", "{id}", "a.{type}.{"])
def test_what_is_no_topic_is_refused(topic: str) -> None:
    with pytest.raises(RegistrationError, match="is no topic"):
        KafkaPublisher(sound_broker(), topic)


@pytest.mark.parametrize("subject", ["", "orders.*", "orders.>"])
def test_a_pattern_is_no_subject(subject: str) -> None:
    with pytest.raises(RegistrationError, match="no topic of Kafka"):
        connection_of("kafka://127.0.0.1:1", subject=subject, group="g")


def test_kafka_has_no_streams() -> None:
    with pytest.raises(RegistrationError, match="leave out 'S'"):
        connection_of("kafka://127.0.0.1:1", subject="t", group="g", stream="S")


# FastStream leaves the producer open that could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_server_that_is_down_is_told() -> None:
    queue = connection_of("kafka://127.0.0.1:1", subject="t", group="g").queue
    with pytest.raises(StoreError, match=r"Kafka at 127.0.0.1:1 does not answer"):
        await queue.open(1)
    await queue.close()


async def test_a_router_is_attached_to_fast_streams_broker_for_tests() -> None:
    router = Router()
    seen, letters = list[int](), list[bytes]()

    @router.on("counted")
    async def note(number: int) -> None:
        seen.append(number)

    broker = sound_broker()
    subscriber: Any = broker.subscriber("t", **SOUND)
    attach(router, broker, subscriber)

    async def keep(message: Any) -> None:
        letters.append(message.body)

    async def undecoded(message: Any) -> Any:
        return message

    dead: Any = broker.subscriber("g.dead-letters")
    dead(keep, decoder=undecoded)
    async with TestKafkaBroker(broker):
        await broker.publish(b'{"event_type": "counted", "payload": 1}', topic="t")
        await broker.publish(b"no json", topic="t")
    assert seen == [1]
    assert letters == [b"no json"]
