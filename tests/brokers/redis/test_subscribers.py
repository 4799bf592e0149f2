"""Subscribers of FastStream's that lose events are refused, and the fix is named."""

from __future__ import annotations

from typing import Any

import pytest
from faststream import AckPolicy
from faststream.redis import ListSub, PubSub, RedisBroker, RedisClusterBroker, StreamSub

from eventrouter import RegistrationError
from eventrouter.integrations.faststream.queues import queue_of
from eventrouter.integrations.faststream.redis.subscribers import refuse_unfit_loop

GROUP: dict[str, Any] = {"group": "billing", "consumer": "1"}


def refusal(*, broker: Any = None, **place: Any) -> str:
    broker = broker or RedisBroker()
    with pytest.raises(RegistrationError) as refused:
        queue_of(broker, broker.subscriber(**place), dead_letters=None)
    return str(refused.value)


@pytest.mark.parametrize(
    "place", [{"channel": PubSub("orders")}, {"channel": "orders"}, {"list": ListSub("orders")}]
)
def test_channels_and_lists_keep_nothing_for_who_was_killed(place: dict[str, Any]) -> None:
    assert "use a stream: broker.subscriber(stream=StreamSub(" in refusal(**place)


@pytest.mark.parametrize(
    ("stream", "fix"),
    [
        (StreamSub("orders"), "pass group="),
        (StreamSub("orders", no_ack=True, **GROUP), "no_ack=True"),
        (StreamSub("orders", batch=True, **GROUP), "leave batch= out"),
        (StreamSub("orders", last_id="0", **GROUP), "last_id="),
    ],
)
def test_streams_are_read_one_by_one_and_acknowledged(stream: StreamSub[Any], fix: str) -> None:
    assert fix in refusal(stream=stream)


def test_clusters_are_refused() -> None:
    broker = RedisClusterBroker()

    assert "use RedisBroker" in refusal(broker=broker, stream=StreamSub("orders", **GROUP))


@pytest.mark.parametrize(
    ("stream", "fix"),
    [
        (StreamSub("orders", **GROUP), "max_records=10"),
        (StreamSub("orders", max_records=11, **GROUP), "max_records=10"),
        (StreamSub("orders", max_records=1, min_idle_time=1_000, **GROUP), "leave min_idle_time="),
    ],
)
def test_faststream_s_own_loop_takes_few_and_takes_nothing_from_others(
    stream: StreamSub[Any], fix: str
) -> None:
    subscriber = RedisBroker().subscriber(stream=stream, ack_policy=AckPolicy.MANUAL)

    with pytest.raises(RegistrationError, match=fix):
        refuse_unfit_loop(subscriber)
