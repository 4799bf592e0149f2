"""The headers of a message of RabbitMQ, as text for an envelope."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from pamqp.commands import Basic

from eventrouter.envelope import Headers
from eventrouter.envelopes.cloudevents.headers import PREFIX as CLOUD_EVENTS
from eventrouter.envelopes.cloudevents.headers import percent_encoded
from eventrouter.integrations.faststream.dead_letters import PREFIX

_PROPERTIES: Final = {
    "app_id": "app-id",
    "content_encoding": "content-encoding",
    "content_type": "content-type",
    "correlation_id": "correlation-id",
    "message_id": "message-id",
    "message_type": "type",
    "reply_to": "reply-to",
    "timestamp": "timestamp",
}
_WRITTEN: Final = {
    name: attribute.removeprefix("message_") if name == "type" else attribute
    for attribute, name in _PROPERTIES.items()
    if name != "timestamp"
}
#: Ids that were made up for a message that had none, so that a return can be told from others.
MADE_UP: Final = f"{PREFIX}made-up-"

# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
_AMQP_CLOUD_EVENTS = ("cloudEvents_", "cloudEvents:")
_OF_THE_BROKER = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-")
_ROUTING = ("CC", "BCC")


def text_headers(properties: Basic.Properties) -> dict[str, str]:
    """
    What the envelope is given of a message's headers and properties.

    The attributes of a CloudEvent become the headers that they would be over HTTP.

    Args:
        properties: Those of the message, its headers among them.

    Returns:
        The headers, without those that RabbitMQ and the workers add.
    """
    texts = dict[str, str]()
    for name, value in (properties.headers or {}).items():
        if name.startswith((PREFIX, *_OF_THE_BROKER)) or name in _ROUTING:
            continue
        if name.startswith(_AMQP_CLOUD_EVENTS):
            attribute = name[len(_AMQP_CLOUD_EVENTS[0]) :].lower()
            texts[CLOUD_EVENTS + attribute] = percent_encoded(text_of(value))
        else:
            texts[name] = text_of(value)
    for attribute, name in _PROPERTIES.items():
        value = getattr(properties, attribute)
        if value and not (name == "message-id" and value.startswith(MADE_UP)):
            texts[name] = text_of(value)
    return texts


def text_of(value: Any) -> str:
    """The value of a header as text, the same for the same value; JSON if it is no text."""
    match value:
        case str():
            return value
        case bytes() | bytearray():
            try:
                return bytes(value).decode()
            except UnicodeDecodeError:
                return b64encode(value).decode()
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case _:
            return json.dumps(
                value, default=text_of, ensure_ascii=False, separators=(",", ":"), sort_keys=True
            )


def split_headers(headers: Headers) -> tuple[dict[str, str], dict[str, Any]]:
    """
    The properties and the headers of a message that is published with these headers.

    Args:
        headers: As an envelope wrote them.

    Returns:
        The properties by the names that ``aio_pika.Message`` has for them, and the rest.
    """
    properties, others = dict[str, str](), dict[str, Any]()
    for name, value in headers.items():
        lowered = name.lower()
        if lowered in _WRITTEN:
            properties[_WRITTEN[lowered]] = value
        elif lowered.startswith(CLOUD_EVENTS):
            others[_AMQP_CLOUD_EVENTS[0] + lowered.removeprefix(CLOUD_EVENTS)] = unquote(value)
        else:
            others[name] = value
    return properties, others


def without_deaths_in(headers: Mapping[str, Any], own_queues: str) -> dict[str, Any]:
    """
    The headers without what RabbitMQ added because a message waited in a queue for retries.

    Args:
        headers: Those of the message.
        own_queues: What the names of these queues begin with.
    """
    kept = dict(headers)
    told: list[dict[str, Any]] = kept.pop("x-death", None) or []
    deaths = [death for death in told if not str(death.get("queue")).startswith(own_queues)]
    if deaths:
        kept["x-death"] = deaths
    for which in ("x-first-death-", "x-last-death-"):
        if str(kept.get(f"{which}queue")).startswith(own_queues):
            for fact in ("exchange", "queue", "reason"):
                kept.pop(which + fact, None)
    return kept
