"""RabbitMQ: events in durable queues, with retries and dead letters in queues beside them."""

from eventrouter.integrations.faststream.rabbit.connecting import connection_of, queue_of
from eventrouter.integrations.faststream.rabbit.publishing import RabbitPublisher

__all__ = ["RabbitPublisher", "connection_of", "queue_of"]
