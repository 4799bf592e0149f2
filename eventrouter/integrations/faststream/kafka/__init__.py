"""Kafka: the events of a partition one after the other, each committed once it is settled."""

from eventrouter.integrations.faststream.kafka.connecting import connection_of, queue_of
from eventrouter.integrations.faststream.kafka.publishing import KafkaPublisher

__all__ = ["KafkaPublisher", "connection_of", "queue_of"]
