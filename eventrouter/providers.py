"""What ``router.provide`` gives to handlers: made when asked for, closed after one dispatch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from enum import Enum
from types import TracebackType
from typing import Any, TypeAlias, cast

import anyio
from attrs import frozen

from eventrouter.contexts import resolved
from eventrouter.errors import RegistrationError
from eventrouter.event import Event, Metadata
from eventrouter.signature import (
    AnyHandler,
    Further,
    is_async,
    is_event,
    is_generator,
    named,
    takes,
)
from eventrouter.structuring.refusal import type_name


@frozen(eq=False)
class Provider:
    """
    Where the values of a type come from.

    Args:
        make: Called with the event, once a dispatch; the value itself if it is None.
        value: The value, if it need not be made.
        is_sync: Whether making and closing it never waits.
    """

    make: Callable[[Event[Any]], Any] | None
    value: Any
    is_sync: bool


def make_provider(target: Any, factory: Any) -> Provider:
    """
    A provider of what was given: a value, or what makes it.

    Raises:
        RegistrationError: If it is a generator function, or wants more than the event.
    """
    is_value = not callable(factory) or (isinstance(target, type) and isinstance(factory, target))
    if is_value:
        return Provider(None, factory, is_sync=True)
    if is_generator(factory):
        raise RegistrationError(
            f"{named(factory)} is a generator function; decorate it with "
            "contextlib.contextmanager or asynccontextmanager"
        )
    is_sync = not is_async(factory) and not _opens_async(factory)
    if takes(factory, 0):
        return Provider(lambda _: factory(), None, is_sync)
    if takes(factory, 1):
        return Provider(factory, None, is_sync)
    raise RegistrationError(f"{named(factory)} must take nothing, or the event alone")


def _opens_async(factory: Any) -> bool:
    # asynccontextmanager() keeps the generator function it wraps.
    wrapped = inspect.unwrap(factory)
    returned = factory if isinstance(factory, type) else None
    return inspect.isasyncgenfunction(wrapped) or hasattr(returned, "__aenter__")


class Source(Enum):
    """Where a parameter comes from that needs no provider."""

    EVENT = "the event"
    METADATA = "its metadata"
    TRANSACTION = "the connection of the transaction that completes its key"


#: A parameter's name, and where its value comes from.
Filled: TypeAlias = tuple[str, Source | Provider]


class Provisions:
    """What one dispatch has made so far, and must close."""

    def __init__(self, event: Event[Any]) -> None:
        self._event = event
        self._stack = AsyncExitStack()
        self._made: dict[Provider, Any] = {}
        self._failed: dict[Provider, Exception] = {}
        self._keeps_failures = False
        self._making: dict[Provider, anyio.Event] = {}  # by one of several concurrent handlers

    async def get(self, provider: Provider, has_loop: bool) -> Any:
        """
        The provider's value, made at the first call and the same at the next.

        Raises:
            Exception: What making it raised, at the first call and at the next.
        """
        if provider.make is None:
            return provider.value
        while provider in self._making:
            await self._making[provider].wait()
        if provider in self._failed:
            raise self._failed[provider]
        if provider not in self._made:
            if has_loop:
                self._making[provider] = anyio.Event()
            try:
                self._made[provider] = await self._new(provider.make, has_loop)
            except Exception as error:
                self._failed[provider] = error
                raise
            finally:
                if has_loop:
                    self._making.pop(provider).set()
        return self._made[provider]

    def keep_failures(self) -> None:
        """From now on, what could not be made is not made anew."""
        self._keeps_failures = True

    def forget_failures(self) -> None:
        """Make anew what could not be made, when it is asked for."""
        if not self._keeps_failures:
            self._failed.clear()

    async def close(self, error: BaseException | None) -> None:
        """Close what was opened, the last first, telling each what the dispatch ended with."""
        traceback: TracebackType | None = error.__traceback__ if error else None
        await self._stack.__aexit__(type(error) if error else None, error, traceback)

    async def _new(self, make: Callable[[Event[Any]], Any], has_loop: bool) -> Any:
        value = make(self._event)
        if inspect.isawaitable(value):
            value = await resolved(value, has_loop)
        if hasattr(value, "__aenter__"):
            if not has_loop:
                raise RegistrationError(
                    f"a {type_name(type(value))} is an async context manager, which the function "
                    "given to router.provide() does not show; make that an async function"
                )
            manager = cast("AbstractAsyncContextManager[Any]", value)
            return await self._stack.enter_async_context(manager)
        if hasattr(value, "__enter__"):
            return self._stack.enter_context(cast("AbstractContextManager[Any]", value))
        return value


def filled(
    handler: AnyHandler,
    further: Iterable[Further],
    provider_of: Callable[[Any], Provider | Source | None],
) -> tuple[Filled, ...]:
    """
    What each parameter after the first is given.

    Raises:
        RegistrationError: If one has no default and nothing provides its type.
    """
    given: list[Filled] = []
    for parameter in further:
        source = _source(parameter.annotation, provider_of)
        if source is not None:
            given.append((parameter.name, source))
        elif not parameter.has_default:
            wanted = type_name(parameter.annotation)
            raise RegistrationError(
                f"{named(handler)}: nothing provides {wanted} for the parameter "
                f"{parameter.name!r}; call router.provide({wanted}, ...)"
            )
    return tuple(given)


def _source(
    annotation: Any, provider_of: Callable[[Any], Provider | Source | None]
) -> Source | Provider | None:
    if is_event(annotation):
        return Source.EVENT
    if annotation == Metadata:
        return Source.METADATA
    return provider_of(annotation) if isinstance(annotation, Hashable) else None
