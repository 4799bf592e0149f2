"""The after hook that answers events at the URLs they carry."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Generator, Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Literal, Self, cast

import httpx2
from anyio import AsyncContextManagerMixin, ContextManagerMixin
from anyio.from_thread import start_blocking_portal

from eventrouter.errors import InvalidPayload, RegistrationError, UnroutedEvent, quoted
from eventrouter.event import Event
from eventrouter.integrations.callbacks.background import Background
from eventrouter.integrations.callbacks.delivery import (
    Callback,
    Delivery,
    Signature,
    logger,
    named,
)
from eventrouter.integrations.callbacks.destinations import Destinations, listed
from eventrouter.result import Status


class Callbacks(AsyncContextManagerMixin, ContextManagerMixin):
    """
    An after hook that answers each event at the URL it carries: ``router.after(callbacks)``.

    An event asks by the member ``callback`` of its envelope, an object with ``success_url``,
    ``fail_url`` or both. The one is called if the event was handled, the other if not, whatever
    the reason. What becomes of that never changes the event's own result; the logger
    ``eventrouter.callbacks`` is told.

    In ``async with callbacks:``, or ``with callbacks:`` where no event loop runs, this happens in
    the background, and at the end what is under way is waited for. Else each dispatch waits for
    its callback.

    A connection error, a time-out or an answer of 500 or more is tried again. Any other answer
    ends it, 429 and a redirect too. ``http`` and ``https`` URLs only. Nothing of the environment
    counts: no proxies, no netrc.

    Args:
        hosts: Where callbacks may go: names, addresses or networks, each with a port or else the
            one of the scheme. What is connected to must be public, or be listed by its address
            or network, whatever name it goes by.
        allow_any_public: Whether they may go to any other public host, on port 80 for ``http``
            and 443 for ``https``.
        attempts: How often a callback is sent at most.
        interval: The pause before another attempt, in seconds.
        timeout: What all attempts of a callback may take together, in seconds; one attempt its
            equal share of that.
        method: ``"POST"`` sends a JSON object with ``event_type``, ``id``, ``status``, and
            ``error``, the name of what is wrong with the event, if that is why it was not
            handled. ``"GET"`` sends nothing.
        signature: What signs each attempt, such as ``StandardWebhooks("whsec_...")``.
        max_pending: How many callbacks are waiting or under way in the background; those past it
            are dropped, logged and counted.
        concurrency: How many are under way there at the same time.
        grace: How long is waited at the end for what is under way, in seconds.
        ssl_context: What checks the certificates of hosts; by the system's authorities if not
            given.

    Raises:
        RegistrationError: If a setting can't work, or nothing says where callbacks may go.
    """

    def __init__(
        self,
        *,
        hosts: Iterable[str] = (),
        allow_any_public: bool = False,
        attempts: int = 3,
        interval: float = 2.0,
        timeout: float = 60.0,
        method: Literal["POST", "GET"] = "POST",
        signature: Signature | None = None,
        max_pending: int = 1_000,
        concurrency: int = 20,
        grace: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        destinations = Destinations(listed(hosts), allow_any_public)
        if not destinations.listed and not allow_any_public:
            raise RegistrationError(
                "callbacks go where events say: list the hosts that they may go to, "
                "hosts=['api.partner.example'], or allow_any_public=True"
            )
        if method not in ("POST", "GET"):
            raise RegistrationError(f"method={method!r}: it is 'POST' or 'GET'")
        _refuse_below(1, attempts=attempts, max_pending=max_pending, concurrency=concurrency)
        _refuse_below(0, interval=interval, grace=grace)
        if not timeout > 0:
            raise RegistrationError(f"timeout={timeout}: it is a number of seconds above 0")
        self._delivery = Delivery(
            destinations,
            attempts,
            interval,
            timeout,
            method,
            signature,
            ssl_context or httpx2.create_ssl_context(trust_env=False),
        )
        self._background = Background(concurrency, max_pending, grace, logger)

    @property
    def dropped(self) -> int:
        """How many callbacks were dropped because ``max_pending`` were waiting."""
        return self._background.dropped

    def __call__(self, event: Event[Any], error: BaseException | None, /) -> Awaitable[None] | None:
        """
        Call back, in the background if it can be so.

        Returns:
            What is to be awaited, if there is a callback and no background to send it from.
        """
        url = _url(event, "success_url" if error is None else "fail_url")
        if url is None:
            return None
        callback = Callback(url, event.type, event.id, _status(error), named(error))
        if self._background.take(partial(self._delivery.send, callback), callback):
            return None
        if error is not None and not isinstance(error, Exception):
            logger.warning("%s was not sent: it would hold up what interrupted the event", callback)
            return None
        return self._delivery.send(callback)

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Self]:
        async with self._background.open():
            yield self

    @contextmanager
    def __contextmanager__(self) -> Generator[Self]:
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(self):
            yield self


def _url(event: Event[Any], name: str) -> Any:
    """What the event says where to call back, or None."""
    callback = event.extensions.get("callback")
    if callback is None:
        return None
    if not isinstance(callback, Mapping):
        logger.warning("the callback of %s is no object, and not sent", quoted(event.type))
        return None
    return cast("Mapping[str, Any]", callback).get(name)


def _status(error: BaseException | None) -> Status:
    if error is None:
        return Status.HANDLED
    if isinstance(error, UnroutedEvent):
        return Status.UNROUTED
    return Status.INVALID if isinstance(error, InvalidPayload) else Status.FAILED


def _refuse_below(least: int, **settings: float) -> None:
    for name, value in settings.items():
        if not value >= least:
            raise RegistrationError(f"{name}={value}: it is {least} or more")
