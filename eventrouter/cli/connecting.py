"""The broker that a command uses, and what is said if it can't be."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio
import click

from eventrouter.errors import RegistrationError, StoreError

if TYPE_CHECKING:
    from eventrouter.integrations.faststream.queues import Connection

_PATIENCE = 15.0  # seconds until a broker has answered
_NEXT = re.compile(r",(?=[a-z]+://)", re.IGNORECASE)  # NATS takes several

broker_option = click.option(
    "--broker",
    "url",
    metavar="URL",
    required=True,
    envvar="EVENTROUTER_BROKER",
    show_envvar=True,
    help="Where the broker is: nats://, amqp://, redis:// or kafka://. One with a password belongs "
    "into the environment, since arguments can be read by all of the machine.",
)


class Refused(click.ClickException):
    """Raised when events could be lost with these settings, or they can't work."""

    exit_code = 2


class CannotConnect(click.ClickException):
    """Raised when a broker does not answer, or refuses."""


@contextmanager
def telling_of(url: str) -> Generator[None]:
    """
    Tell of what goes wrong in the body, without the password in the URL.

    Raises:
        Refused: If a setting can't work, or what it needs is not installed.
        CannotConnect: If the broker does not answer, or refuses.
    """
    try:
        yield
    except RegistrationError as error:
        raise Refused(_without_secrets(str(error), url)) from error
    except ImportError as error:
        if "pip install" not in str(error):
            raise
        raise Refused(str(error)) from error
    except StoreError as error:
        raise CannotConnect(_without_secrets(str(error), url)) from error


@asynccontextmanager
async def connected(connection: Connection, url: str) -> AsyncGenerator[None]:
    """
    Be connected to the broker, only to publish, while the body runs.

    Raises:
        CannotConnect: If it does not answer, or refuses.
    """
    try:
        try:
            with anyio.fail_after(_PATIENCE):
                await connection.broker.connect()
        except Exception as error:
            reason = _without_secrets(str(error) or "it does not answer", url)
            raise CannotConnect(f"can't connect to {shown(url)}: {reason}") from error
        yield
    finally:
        await connection.broker.stop()


def shown(url: str) -> str:
    """The URL without what may be secret: users, passwords, and what follows a question mark."""
    return ",".join(_shown(one) for one in _each(url))


def _shown(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    return scheme + separator + rest.rpartition("@")[2].partition("?")[0]


def _without_secrets(text: str, url: str) -> str:
    text = text.replace(url, shown(url))
    for one in _each(url):
        user, at, _ = one.partition("://")[2].rpartition("@")
        password = user.partition(":")[2] if at else ""
        for secret in filter(None, {password, unquote(password)}):
            text = text.replace(secret, "***")
    return text


def _each(url: str) -> list[str]:
    return _NEXT.split(url)
