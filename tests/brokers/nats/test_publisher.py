"""Publishing events to NATS JetStream."""

from __future__ import annotations

from typing import Any

import pytest
from faststream.nats import NatsBroker

from eventrouter import Event, Router, StoreError, Unrecoverable
from eventrouter.integrations.faststream.nats import NatsPublisher
from tests.brokers.nats.conftest import NatsRig
from tests.brokers.scenarios import Seen, process_all
from tests.events import raw_event

pytestmark = pytest.mark.anyio


def an_event(type: str = "order.paid", **metadata: Any) -> Event[Any]:
    return Event.new(type, None, **metadata)


async def test_what_is_published_is_in_the_stream_with_its_headers(rig: NatsRig) -> None:
    await rig.jetstream.add_stream(name=rig.stream, subjects=[f"{rig.name}.>"])
    broker = NatsBroker(rig.proxy.url, logger=None)
    publisher = NatsPublisher(broker, f"{rig.name}.{{type}}")

    await publisher.publish(an_event(), b"raw", {"x": "1"})
    await broker.stop()

    kept = await rig.jetstream.get_last_msg(rig.stream, f"{rig.name}.order.paid")
    assert (kept.data, (kept.headers or {})["x"]) == (b"raw", "1")


async def test_an_event_that_is_published_twice_is_there_once(rig: NatsRig) -> None:
    await rig.jetstream.add_stream(name=rig.stream, subjects=[f"{rig.name}.>"])
    broker = NatsBroker(rig.proxy.url, logger=None)
    publisher = NatsPublisher(broker, f"{rig.name}.{{type}}")

    for _ in range(2):
        await publisher.publish(an_event(id="e-1"), b"raw", {})
    await broker.stop()

    assert (await rig.jetstream.stream_info(rig.stream)).state.messages == 1


async def test_a_subject_that_no_stream_takes_is_an_error(rig: NatsRig) -> None:
    broker = NatsBroker(rig.proxy.url, logger=None)

    with pytest.raises(StoreError, match=r"no stream of the NATS server at .* takes this subject"):
        await NatsPublisher(broker, f"{rig.name}.{{type}}").publish(an_event(), b"", {})
    await broker.stop()


@pytest.mark.parametrize("type", ["order paid", "order.*", "a..b", "order.>"])
async def test_a_type_that_is_no_subject_can_never_be_published(rig: NatsRig, type: str) -> None:
    with pytest.raises(Unrecoverable, match="is no subject"):
        await NatsPublisher(NatsBroker(rig.proxy.url), "{type}").publish(an_event(type), b"", {})


async def test_what_is_larger_than_the_server_takes_can_never_be_published(rig: NatsRig) -> None:
    await rig.jetstream.add_stream(name=rig.stream, subjects=[f"{rig.name}.>"])
    broker = NatsBroker(rig.proxy.url, logger=None)
    raw = b"x" * rig.client.max_payload

    with pytest.raises(Unrecoverable, match="see its max_payload"):
        await NatsPublisher(broker, f"{rig.name}.{{type}}").publish(an_event(id="1"), raw, {})
    await broker.stop()


async def test_events_that_a_handler_gives_are_published_before_its_event_is_acknowledged(
    rig: NatsRig,
) -> None:
    first, second = rig.queue("first"), rig.queue("second")
    for queue in (first, second):
        await queue.prepare()
        await queue.close()
    broker = NatsBroker(rig.proxy.url, logger=None)
    router = Router(publisher=NatsPublisher(broker, f"{rig.name}.events.{{type}}"))

    @router.on("ordered")
    async def handle(number: int) -> Event[Any]:
        return Event.new("counted", number + 1)

    @router.on("counted")
    async def leave(_: int) -> None: ...

    await rig.publish(raw_event("ordered", 1, id="o-1"))
    await process_all(first, router)
    await broker.stop()

    other = Router(unrouted="ignore")
    seen = Seen(other)
    await process_all(second, other)
    assert seen.passed == [2]
