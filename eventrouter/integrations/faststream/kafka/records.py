"""A record of Kafka, as an entry and as a dead letter."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from attrs import field, frozen

from eventrouter.envelopes.cloudevents.headers import PREFIX as CLOUD_EVENTS
from eventrouter.envelopes.cloudevents.headers import percent_encoded
from eventrouter.integrations.faststream.dead_letters import PREFIX
from eventrouter.integrations.faststream.dead_letters import headers_of as letter_headers_of
from eventrouter.integrations.faststream.kafka.marks import Mark
from eventrouter.stores.entries import Entry
from eventrouter.stores.letters import DeadLetter

# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
_KAFKA_CLOUD_EVENTS = "ce_"


@frozen(eq=False)
class KafkaEntry(Entry):
    """
    An entry, with the record that it came in.

    Attributes:
        record: The record.
        source: What the record was taken from: a lane, or the consumer of FastStream.
    """

    record: Any = field(kw_only=True)
    source: Any = field(kw_only=True)


def entry_of(record: Any, source: Any, mark: Mark, token: str) -> KafkaEntry:
    """
    The entry that a record is.

    Args:
        record: The record.
        source: What it was taken from.
        mark: What is known of it.
        token: What tells this taking from others.
    """
    return KafkaEntry(
        id=f"{record.topic}/{record.partition}/{record.offset}",
        raw=record.value or b"",
        headers=text_headers(record),
        received=datetime.fromtimestamp((record.timestamp or 0) / 1000, UTC),
        key=None,
        attempts=1 + mark.attempts,
        token=token,
        failed=mark.failed,
        record=record,
        source=source,
    )


def text_headers(record: Any) -> dict[str, str]:
    """The headers of a record as text; base64 where a value is no UTF-8."""
    texts = dict[str, str]()
    for name, value in record.headers or ():
        if name.startswith(PREFIX):
            continue
        text = _text_of(value)
        if name.startswith(_KAFKA_CLOUD_EVENTS):
            texts[CLOUD_EVENTS + name[len(_KAFKA_CLOUD_EVENTS) :]] = percent_encoded(text)
        else:
            texts[name] = text
    return texts


def kafka_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers of a record for those that an envelope wrote."""
    named = dict[str, str]()
    for name, value in headers.items():
        lowered = name.lower()
        if lowered == "content-type":
            named[lowered] = value
        elif lowered.startswith(CLOUD_EVENTS):
            named[_KAFKA_CLOUD_EVENTS + lowered.removeprefix(CLOUD_EVENTS)] = unquote(value)
        else:
            named[name] = value
    return named


def letter_headers(entry: KafkaEntry, letter: DeadLetter) -> dict[str, str]:
    """The headers of a dead letter: those that the event had, where it was, and what went wrong."""
    record = entry.record
    kept = {name: _text_of(value) for name, value in record.headers or ()}
    told = {n: v for n, v in letter_headers_of(letter).items() if n.startswith(PREFIX)}
    origin = {
        f"{PREFIX}topic": record.topic,
        f"{PREFIX}partition": str(record.partition),
        f"{PREFIX}offset": str(record.offset),
    }
    return {**kept, **told, **origin}


def _text_of(value: bytes | None) -> str:
    if value is None:
        return ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return b64encode(value).decode()
