"""What goes wrong with Kafka, said without its password."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# The client has no types.

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from faststream.exceptions import IncorrectState

from eventrouter.errors import StoreError


def place_of(broker: Any) -> str:
    """The addresses that a broker of FastStream connects to."""
    return ", ".join(str(url).rpartition("@")[2] for url in broker.specification.url)


@contextmanager
def told(place: str, what: str) -> Generator[None]:
    """
    Raise what Kafka or the way to it did wrong as an error of ours.

    Args:
        place: Where it is.
        what: What is being done, as in ``to commit``.

    Raises:
        StoreError: If anything is wrong.
    """
    try:
        yield
    except (KafkaError, IncorrectState, OSError, TimeoutError) as error:
        raise StoreError(f"{_cause(error, place)}, {what}") from error


def _cause(error: Exception, place: str) -> str:
    match error:
        case AuthenticationFailedError():
            return f"Kafka at {place} refuses the user's name or password"
        case GroupAuthorizationFailedError() | TopicAuthorizationFailedError():
            return f"Kafka at {place} does not allow it: {error}"
        case UnknownTopicOrPartitionError():
            return f"Kafka at {place} has no such topic; make it with kafka-topics.sh --create"
        case _:
            return f"Kafka at {place} does not answer: {error}"
