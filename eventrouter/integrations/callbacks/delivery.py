"""Sending a callback, again if that may help."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Literal, Protocol
from uuid import uuid4

import anyio
import httpx2
from attrs import Factory, frozen

from eventrouter.errors import EventError, identified, printable
from eventrouter.integrations.callbacks.addresses import Address
from eventrouter.integrations.callbacks.destinations import Destination, Destinations, RefusedURL
from eventrouter.json import encode
from eventrouter.result import Status

logger: Final = logging.getLogger("eventrouter.callbacks")

_MOST_ADDRESSES = 4  # tried of a host


class Signature(Protocol):
    """Signs a callback, such as ``StandardWebhooks`` does."""

    def sign(self, raw: bytes, *, id: str) -> Mapping[str, str]:
        """
        The headers to send with a body.

        Args:
            raw: The body; empty for GET.
            id: Equal for all attempts of one callback.
        """
        ...


@frozen
class Callback:
    """
    What is to be said of one event, and where.

    Attributes:
        url: Where, as the event says it: anything at all.
        event_type: The event's type.
        event_id: The event's id, or None.
        status: What became of it.
        error: The name of what is wrong with the event, if that is why it was not handled.
        id: Equal for all attempts, and of no other callback.
    """

    url: Any
    event_type: str
    event_id: str | None
    status: Status
    error: str | None
    # Not the event's: two callbacks of one event, failed and later handled, are no duplicates.
    id: str = Factory(lambda: f"msg_{uuid4().hex}")

    def __str__(self) -> str:
        return f"the callback of {identified(self.event_type, self.event_id)}"

    def body(self) -> bytes:
        """The JSON that is sent."""
        members = {"event_type": self.event_type, "id": self.event_id, "status": self.status.value}
        return encode(members | ({"error": self.error} if self.error else {}))


@frozen(eq=False)
class Delivery:
    """
    How callbacks are sent.

    Args:
        destinations: Where they may go.
        attempts: How often one is sent at most.
        interval: The pause before another attempt, in seconds.
        timeout: What all attempts may take together, in seconds; each its equal share.
        method: How.
        signature: What signs them, if anything.
        ssl_context: What checks the certificates of hosts.
    """

    destinations: Destinations
    attempts: int
    interval: float
    timeout: float
    method: Literal["POST", "GET"]
    signature: Signature | None
    ssl_context: ssl.SSLContext

    async def send(self, callback: Callback) -> None:
        """Send one; what becomes of it is logged, and only a cancellation raised."""
        try:
            destination = self.destinations.read(callback.url)
            with anyio.fail_after(self.timeout):
                await self._send_until_answered(callback, destination)
        except RefusedURL as error:
            logger.warning("%s was refused: %s", callback, error)
        except TimeoutError:
            logger.warning("%s was given up after %g s", callback, self.timeout)
        except Exception:  # in what signs it
            logger.exception("%s could not be sent", callback)

    async def _send_until_answered(self, callback: Callback, destination: Destination) -> None:
        attempt, problem = 0, ""
        for attempt in range(1, self.attempts + 1):
            if attempt > 1:
                await anyio.sleep(self.interval)
            try:
                with anyio.fail_after(self.timeout / self.attempts):
                    status = await self._attempt(callback, destination)
            except (OSError, httpx2.TransportError) as error:
                problem = _told(error)
                continue
            if status < 300:
                logger.debug("%s was answered with %d", callback, status)
                return
            problem = f"the answer {status}"
            if status < 500:
                break
        logger.warning(
            "%s was given up on attempt %d, at %s: %s",
            callback,
            attempt,
            destination.authority,
            problem,
        )

    async def _attempt(self, callback: Callback, destination: Destination) -> int:
        addresses = (await self.destinations.resolve(destination))[:_MOST_ADDRESSES]
        connect_timeout = self.timeout / self.attempts / len(addresses)
        *others, last = [
            self._request(callback, destination, address, connect_timeout) for address in addresses
        ]
        for request in others:
            # Nothing was sent yet, so the next address may be tried.
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await self._answer(request)
        return await self._answer(last)

    def _request(
        self,
        callback: Callback,
        destination: Destination,
        address: Address,
        connect_timeout: float,
    ) -> httpx2.Request:
        body = callback.body() if self.method == "POST" else b""
        headers = {
            "Host": destination.authority,
            "User-Agent": "eventrouter",
            "Connection": "close",
        }
        if body:
            headers["Content-Type"] = "application/json"
        if self.signature is not None:
            headers |= self.signature.sign(body, id=callback.id)
        return httpx2.Request(
            self.method,
            # The address that was checked, since a name might resolve to another one by now.
            httpx2.URL(destination.url).copy_with(host=str(address), port=destination.port),
            headers=headers,
            content=body or None,
            extensions={
                "sni_hostname": destination.host.strip("[]"),
                "timeout": httpx2.Timeout(None, connect=connect_timeout).as_dict(),
            },
        )

    async def _answer(self, request: httpx2.Request) -> int:
        # No client around the transport, so nothing follows redirects, keeps cookies, unpacks
        # bodies, or reads proxies and passwords from the environment; and a transport for each
        # request, since a connection to an address is of the name it was checked for.
        transport = httpx2.AsyncHTTPTransport(verify=self.ssl_context, trust_env=False)
        async with transport:
            response = await transport.handle_async_request(request)
            await response.aclose()  # without a look at its body
            return response.status_code


def named(error: BaseException | None) -> str | None:
    """What may be said of an error: what is wrong with the event, and nothing from inside."""
    return type(error).__name__ if isinstance(error, EventError) else None


def _told(error: BaseException) -> str:
    inner: BaseException | None = error
    while inner is not None and not str(inner):  # under trio only what lies within says it
        inner = inner.__cause__ or inner.__context__
    return f"{type(inner or error).__name__} {printable(str(inner or ''))}".rstrip()
