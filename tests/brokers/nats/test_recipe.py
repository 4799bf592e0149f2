"""What is refused since events could be lost, and how a server is told of that is not there."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Any

import pytest
from faststream.nats import JStream, NatsBroker, PullSub
from nats.js.api import AckPolicy, ConsumerConfig

from eventrouter import RegistrationError, Router, StoreError
from eventrouter.integrations.faststream import consume
from eventrouter.integrations.faststream.nats.queue import NatsQueue
from eventrouter.integrations.faststream.queues import connection_of, queue_of
from tests.brokers.nats.conftest import NatsRig
from tests.brokers.nats.servers import serving

pytestmark = pytest.mark.anyio


async def refused(queue: Any, error: type[Exception] = RegistrationError) -> str:
    """What is said when the queue is opened."""
    with pytest.raises(error) as caught:
        await queue.open(10)
    await queue.close()
    return str(caught.value)


async def add_stream(rig: NatsRig, **settings: Any) -> None:
    settings = {"storage": "file", **settings}
    await rig.jetstream.add_stream(name=rig.stream, subjects=[f"{rig.name}.events.>"], **settings)


# The stream


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"storage": "memory"}, "is kept in memory.*nats stream add T.* --storage file"),
        ({"no_ack": True}, "confirms nothing.*--ack"),
        ({"max_msgs": 10}, "max_msgs=10, and drops old events.*--discard new"),
        ({"max_bytes": 10_000}, "max_bytes=10000"),
        ({"max_msgs_per_subject": 1}, "max_msgs_per_subject=1"),
    ],
)
async def test_a_stream_that_could_lose_events_is_refused(
    rig: NatsRig, settings: dict[str, Any], said: str
) -> None:
    await add_stream(rig, **settings)

    assert re.search(said, await refused(rig.queue("g")))


async def test_a_stream_that_refuses_new_events_when_full_is_taken(rig: NatsRig) -> None:
    await add_stream(rig, max_msgs=10, discard="new")

    queue = rig.queue("g")
    await queue.open(1)
    await queue.stop()
    await queue.close()


async def test_a_stream_that_drops_events_by_age_is_told_of(
    rig: NatsRig, caplog: pytest.LogCaptureFixture
) -> None:
    await add_stream(rig, max_age=86_400)

    queue = rig.queue("g")
    await queue.prepare()
    await queue.close()

    assert "drops events after 86400 s, processed or not" in caplog.text


# The consumer


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ack_policy": "none"}, "policy none.*nats consumer rm T"),
        ({"ack_policy": "all"}, "policy all"),
        ({"max_deliver": 5}, "after 5 deliveries without a trace.*--max-deliver=-1"),
        ({"deliver_subject": "there"}, "pushes events"),
        ({"headers_only": True}, "gives headers alone"),
        ({"mem_storage": True}, "is kept in memory"),
        ({"inactive_threshold": 60}, "is deleted when no worker is there"),
        ({"filter_subject": "{}.events.paid"}, r"takes t\w+\.events\.paid and not t\w+\.events\.>"),
    ],
)
async def test_a_consumer_that_could_lose_events_is_refused(
    rig: NatsRig, settings: dict[str, Any], said: str
) -> None:
    await add_stream(rig)
    settings = {"filter_subject": "{}.events.>", **settings}
    settings["filter_subject"] = settings["filter_subject"].format(rig.name)
    await rig.jetstream.add_consumer(rig.stream, durable_name="g", **settings)

    assert re.search(said, await refused(rig.queue("g")))


async def test_the_ack_wait_of_a_consumer_that_is_there_is_its_lease(rig: NatsRig) -> None:
    await add_stream(rig)
    await rig.jetstream.add_consumer(
        rig.stream, durable_name="g", ack_wait=7, filter_subject=f"{rig.name}.events.>"
    )
    queue = rig.queue("g")

    await queue.prepare()
    await queue.close()

    assert queue.lease == 7


# Dead letters


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"storage": "memory"}, "is kept in memory"),
        ({"storage": "file", "retention": "interest"}, "keeps nothing that nobody waits for"),
        ({"storage": "file", "no_ack": True}, "confirms nothing"),
        ({"storage": "file", "max_msgs": 5}, "drops old ones to take new ones"),
    ],
)
async def test_a_stream_that_could_lose_dead_letters_is_refused(
    rig: NatsRig, settings: dict[str, Any], said: str
) -> None:
    await add_stream(rig)
    await rig.jetstream.add_stream(
        name=f"{rig.stream}DEAD", subjects=[f"{rig.name}.dead.>"], **settings
    )

    assert said in await refused(rig.queue("g"))


async def test_dead_letters_do_not_go_where_they_come_from(rig: NatsRig) -> None:
    await rig.jetstream.add_stream(name=rig.stream, subjects=[f"{rig.name}.>"], storage="file")

    assert "that they come from" in await refused(rig.queue("g"))


# What is missing


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("stream", "there is no stream T.*--declare, or with: nats stream add T"),
        ("consumer", "has no consumer g.*nats consumer add T.*--max-deliver=-1"),
        ("dead letters", "no stream takes the dead letters.*nats stream add"),
        ("bucket", "there is no bucket.*nats kv add"),
    ],
)
async def test_what_is_missing_is_named_with_what_makes_it(
    rig: NatsRig, missing: str, said: str
) -> None:
    if missing != "stream":
        await add_stream(rig)
    if missing in ("dead letters", "bucket"):
        await rig.jetstream.add_consumer(
            rig.stream, durable_name="g", filter_subject=f"{rig.name}.events.>"
        )
    if missing == "bucket":
        await rig.jetstream.add_stream(
            name=f"{rig.stream}DEAD", subjects=[f"{rig.name}.dead.>"], storage="file"
        )
    queue = connection_of(**{**rig.connection("g"), "declare": False}).queue

    assert re.search(said, await refused(queue))


async def test_the_stream_is_found_by_its_subject(rig: NatsRig) -> None:
    await add_stream(rig)
    queue = connection_of(**{**rig.connection("g"), "stream": None}).queue

    await queue.prepare()
    await queue.close()

    assert queue.place == f"{rig.name}.events.> of the stream {rig.stream}, as g"


async def test_a_stream_that_is_not_named_is_made_by_the_custom_of_nats(rig: NatsRig) -> None:
    queue = connection_of(**{**rig.connection("g"), "stream": None}).queue

    await queue.prepare()
    await queue.close()

    info = await rig.jetstream.stream_info(f"{rig.name.upper()}_EVENTS")
    assert info.config.subjects == [f"{rig.name}.events.>"]
    assert info.config.storage == "file"


# Servers


async def test_a_server_that_is_down_is_told_of_without_the_password() -> None:
    queue = connection_of(
        "nats://user:secret@127.0.0.1:1", subject="x.>", group="g", declare=True
    ).queue
    assert isinstance(queue, NatsQueue)

    said = await refused(queue, StoreError)

    assert "the NATS server at 127.0.0.1:1 does not answer" in said
    assert "secret" not in said


# The client leaves the socket of a connection that was refused to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_wrong_credentials_are_told_of_without_the_password(tmp_path: Path) -> None:
    with serving(tmp_path, "-js", "--user", "a", "--pass", "right") as server:
        url = server.url.replace("://", "://a:secret@")
        queue = connection_of(url, subject="x.>", group="g").queue

        said = await refused(queue, StoreError)

    gc.collect()
    assert f"at 127.0.0.1:{server.port} refuses the credentials" in said
    assert "secret" not in said


async def test_a_server_without_jetstream_is_told_of(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        queue = connection_of(server.url, subject="x.>", group="g", stream="X").queue

        assert "enabled by nats-server -js" in await refused(queue, StoreError)


# Settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"subject": "a b"}, "is a subject of NATS"),
        ({"subject": "a..b"}, "is a subject of NATS"),
        ({"group": "a.b"}, "can't be the group of NATS"),
        ({"stream": "A B"}, "can't be a stream of NATS"),
        ({"dead_letters": "dead.>"}, "is one subject, without"),
        ({"publish_to": "events.{kind}"}, "is no subject of NATS to publish to"),
        ({"volatile": True}, "is for Redis alone"),
    ],
)
def test_a_setting_that_can_not_work_is_refused(settings: dict[str, Any], said: str) -> None:
    asked: Any = {"url": "nats://127.0.0.1:1", "subject": "x.>", "group": "g", **settings}
    with pytest.raises(RegistrationError, match=said):
        connection_of(**asked)


def test_a_url_of_no_broker_is_refused() -> None:
    with pytest.raises(RegistrationError, match="begins with nats://, tls://, amqp://"):
        connection_of("http://127.0.0.1", subject="x", group="g")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "loses events"),
        ({"stream": "S", "queue": "q"}, "pull_sub=True"),
        ({"stream": "S", "durable": "d", "pull_sub": PullSub(batch=True)}, "gives more"),
        ({"stream": "S", "pull_sub": True}, "has no durable="),
        (
            {
                "stream": "S",
                "durable": "d",
                "pull_sub": True,
                "config": ConsumerConfig(ack_policy=AckPolicy.NONE),
            },
            "as good as handled",
        ),
        (
            {
                "stream": "S",
                "durable": "d",
                "pull_sub": True,
                "config": ConsumerConfig(max_deliver=3),
            },
            "max_deliver=3",
        ),
    ],
)
def test_a_subscriber_that_could_lose_events_is_refused(options: dict[str, Any], said: str) -> None:
    broker = NatsBroker()
    subscriber: Any = broker.subscriber("orders.>", **options)

    with pytest.raises(RegistrationError, match=said):
        queue_of(broker, subscriber, dead_letters=None)


def test_what_is_no_subscriber_is_refused() -> None:
    with pytest.raises(RegistrationError, match="is no subscriber of FastStream's brokers"):
        queue_of(NatsBroker(), object(), dead_letters=None)


async def test_consume_refuses_a_subscriber_with_a_handler() -> None:
    broker = NatsBroker()
    subscriber: Any = broker.subscriber("o.>", stream="S", durable="d", pull_sub=True)

    async def handle(body: bytes) -> None: ...

    subscriber(handle)
    with pytest.raises(RegistrationError, match="has a handler"):
        async with consume(Router(), broker, subscriber):
            pass


@pytest.mark.parametrize(
    "setting",
    [{"concurrency": 0}, {"attempts": 0}, {"wait": 0}, {"longest_wait": -1}, {"grace": -1}],
)
async def test_consume_refuses_a_setting_that_can_not_work(setting: dict[str, Any]) -> None:
    broker = NatsBroker()
    subscriber = broker.subscriber("o.>", stream="S", durable="d", pull_sub=True)

    with pytest.raises(RegistrationError, match=next(iter(setting))):
        async with consume(Router(), broker, subscriber, **setting):
            pass


async def test_a_subscriber_of_a_stream_with_subjects_makes_it(rig: NatsRig) -> None:
    broker = NatsBroker(rig.proxy.url, logger=None)
    stream = JStream(rig.stream, subjects=[f"{rig.name}.events.>"])
    subscriber = broker.subscriber(
        f"{rig.name}.events.paid", stream=stream, durable="g", pull_sub=True
    )
    queue = queue_of(broker, subscriber, dead_letters=f"{rig.name}.dead")

    await queue.prepare()
    await queue.close()

    info = await rig.jetstream.stream_info(rig.stream)
    assert info.config.subjects == [f"{rig.name}.events.>"]
    assert (await rig.jetstream.consumer_info(rig.stream, "g")).config.max_deliver == -1
