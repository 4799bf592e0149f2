"""What the client of NATS raises, as this package says it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from nats.errors import AuthorizationError, Error, NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

from eventrouter.errors import StoreError, printable

#: What the client raises when the server does not answer, or refuses.
FAILURES: Final = (Error, OSError, TimeoutError)


def address_of(broker: Any) -> str:
    """Where a broker of FastStream's is, without what nobody else may read."""
    urls: list[str] | str = broker.specification.url
    return ", ".join(_host(url) for url in ([urls] if isinstance(urls, str) else urls))


def _host(url: str) -> str:
    return urlsplit(url if "://" in url else f"nats://{url}").netloc.rpartition("@")[-1]


@contextmanager
def told(what: str, address: str) -> Generator[None]:
    """
    Have what the client raises told as a failure of a store.

    Args:
        what: What can't be done, such as ``an event can't be acknowledged``.
        address: Where the server is.

    Raises:
        StoreError: Instead of what the client raises.
    """
    try:
        yield
    except FAILURES as error:
        raise failure(what, error, address) from error


def failure(what: str, error: Exception, address: str) -> StoreError:
    """What the client raised, told as a failure of a store."""
    return StoreError(f"{what}: {_reason(error, address)}")


def _reason(error: Exception, address: str) -> str:
    text = printable(str(error).removeprefix("nats: ").strip("'"), 300)
    if isinstance(error, AuthorizationError) or "authorization" in text.lower():
        return f"the NATS server at {address} refuses the credentials"
    if isinstance(error, NoStreamResponseError):
        return f"no stream of the NATS server at {address} takes this subject"
    if isinstance(error, (NoRespondersError, ServiceUnavailableError)):
        return (
            f"JetStream does not answer at the NATS server at {address}; it is enabled by "
            "nats-server -js"
        )
    if isinstance(error, APIError):
        return f"the NATS server at {address} says: {printable(error.description or text, 300)}"
    if isinstance(error, TimeoutError):
        return f"the NATS server at {address} does not answer in time"
    return f"the NATS server at {address}: {text or type(error).__name__}"
