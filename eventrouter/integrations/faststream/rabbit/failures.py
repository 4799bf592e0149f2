"""What goes wrong with RabbitMQ, said without its password."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.exceptions import (
    AuthenticationError,
    ChannelAccessRefused,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    ProbableAuthenticationError,
)
from faststream.exceptions import IncorrectState

from eventrouter.errors import RegistrationError, StoreError

_FAILURES: Final = (*CONNECTION_EXCEPTIONS, IncorrectState, TimeoutError)


def place_of(broker: Any) -> str:
    """Where a broker of FastStream connects to, without the user's name and password."""
    try:
        parts = urlsplit(str(broker.specification.url[0]))
        return f"{parts.hostname}:{parts.port or 5672}{parts.path}"
    except (AttributeError, IndexError, ValueError):
        return "its address"


@contextmanager
def told(place: str, what: str) -> Generator[None]:
    """
    Raise what RabbitMQ or the way to it did wrong as an error of ours.

    Args:
        place: Where it is.
        what: What is being done, as in ``to publish to the queue orders``.

    Raises:
        RegistrationError: If it is there with other settings.
        StoreError: If anything else is wrong with it.
    """
    try:
        yield
    except ChannelPreconditionFailed as error:
        raise RegistrationError(
            f"RabbitMQ at {place} has it with other settings, {what}: {error}; declare it with "
            "the settings that it has, or delete it once it is empty"
        ) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # The client cancels what waits for an answer when the connection breaks.
        raise StoreError(f"the connection to RabbitMQ at {place} broke, {what}") from error
    except _FAILURES as error:
        raise StoreError(f"{_cause(error, place)}, {what}") from error


def _cause(error: Exception, place: str) -> str:
    match error:
        case ProbableAuthenticationError() | AuthenticationError():
            return f"RabbitMQ at {place} refuses the user's name or password"
        case ChannelNotFoundEntity():
            return f"RabbitMQ at {place} says {error}"
        case ChannelAccessRefused():
            return f"RabbitMQ at {place} refuses: {error}; grant the user that permission"
        case DeliveryError():
            return f"RabbitMQ at {place} did not accept it: {error}"
        case ChannelInvalidStateError() | TimeoutError():
            return f"RabbitMQ at {place} does not answer"
        case _:
            return f"RabbitMQ at {place} does not answer: {error}"
