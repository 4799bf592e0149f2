"""Which of FastStream's subscribers lose nothing."""

from __future__ import annotations

from typing import Any

from eventrouter.errors import RegistrationError


def refuse_unfit(broker: Any, subscriber: Any) -> None:
    """
    Refuse a subscriber that loses events, whoever takes them.

    Raises:
        RegistrationError: If it does; it names the fix.
    """
    if type(broker).__name__ == "RedisClusterBroker":
        raise RegistrationError(
            "a cluster need not have a stream and what lies beside it on one node; use RedisBroker "
            "or RedisSentinelBroker"
        )
    stream = getattr(subscriber, "stream_sub", None)
    if stream is None:
        raise RegistrationError(
            f"{subscriber!r} gets events from a channel or a list, which keep none for who was "
            "killed with it; use a stream: broker.subscriber(stream=StreamSub('orders', "
            "group='billing', consumer='1', max_records=10))"
        )
    for is_unfit, fault, fix in (
        (not stream.group, "has no group, so that nothing is acknowledged", "pass group="),
        (stream.no_ack, "has no_ack=True, which acknowledges before it is handled", "leave it out"),
        (stream.batch, "gets events in batches, and each is settled by itself", "leave batch= out"),
        (
            stream.last_id != ">",
            "has last_id=, by which it gets again and again what it has; the group is made so that "
            "it gets all that is in the stream",
            "leave it out",
        ),
    ):
        if is_unfit:
            raise RegistrationError(f"the subscriber of the stream {stream.name!r} {fault}; {fix}")


def refuse_unfit_loop(subscriber: Any) -> None:
    """
    Refuse a subscriber whose events FastStream can't take without losing some.

    Raises:
        RegistrationError: If it is one; it names the fix.
    """
    stream = subscriber.stream_sub
    workers = getattr(subscriber, "max_workers", 1)
    most = max(10, workers)
    if stream.min_idle_time is not None or stream.claim_min_idle_time is not None:
        raise RegistrationError(
            f"the subscriber of the stream {stream.name!r} takes what others have and keep; leave "
            "min_idle_time= and claim_min_idle_time= out, since what was left is taken anyway"
        )
    if stream.max_records is None or stream.max_records > most:
        raise RegistrationError(
            f"the subscriber of the stream {stream.name!r} takes "
            f"{stream.max_records or 'all'} entries at once, and those that wait here for longer "
            f"than the lease are processed elsewhere, too; pass StreamSub(..., max_records={most}) "
            "or less"
        )
