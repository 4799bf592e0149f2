"""NATS JetStream: pulled from a durable consumer, acknowledged one by one."""

from eventrouter.integrations.faststream.nats.connecting import connection_of, queue_of
from eventrouter.integrations.faststream.nats.publishing import NatsPublisher

__all__ = ["NatsPublisher", "connection_of", "queue_of"]
