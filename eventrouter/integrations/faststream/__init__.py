"""A router on the brokers that FastStream knows: NATS, RabbitMQ, Redis and Kafka."""

try:
    from eventrouter.integrations.faststream.attaching import attach
except ImportError as error:
    if (error.name or "").partition(".")[0] != "faststream":
        raise
    raise ImportError(
        "brokers need an extra, each its own: pip install 'eventrouter[nats]', or [rabbit], "
        "[redis], [kafka]",
        name=error.name,
    ) from error
from eventrouter.integrations.faststream.consuming import consume

__all__ = ["attach", "consume"]
