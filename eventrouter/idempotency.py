"""What an event is known by, so that each handler runs once for it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, TypeAlias

from attrs import Attribute, field, frozen

from eventrouter.errors import MissingKey, RegistrationError, seconds_of
from eventrouter.event import Event
from eventrouter.stores.arguments import checked_delay, refuse_no_seconds
from eventrouter.stores.claims import IdempotencyStore
from eventrouter.stores.transactions import TransactionalStore

#: Gives what an event is known by; None if it can't tell.
EventKey: TypeAlias = Callable[[Event[Any]], str | None]


def _refuse_no_store(_: Any, __: Attribute[Any], store: Any) -> None:
    if not isinstance(store, IdempotencyStore):
        raise RegistrationError(
            f"{store!r} is no IdempotencyStore: SqliteStore('events.db') is one, and MemoryStore()"
        )


def _refuse_no_function(_: Any, __: Attribute[Any], key: Any) -> None:
    if key is not None and not callable(key):
        raise RegistrationError(f"key={key!r}: it is a function of the event that returns text")


def _read_lease(duration: float | timedelta) -> float:
    return seconds_of(duration, "lease")


def _read_ttl(duration: float | timedelta) -> float:
    return seconds_of(duration, "ttl")


def _read_wait(duration: float | timedelta) -> float:
    return seconds_of(duration, "wait")


def _refuse_below_zero(_: Any, attribute: Attribute[Any], seconds: float) -> None:
    checked_delay(seconds, attribute.name)


@frozen(eq=False)
class Idempotency:
    """
    Sees to it that each handler runs once for an event, however often that is delivered.

    A handler claims the event before it runs, and completes it once it has returned. If it fails,
    the claim is given up, so that the next delivery runs it again, and of several handlers only
    those that failed.

    Args:
        store: Where it is kept: ``SqliteStore("events.db")``.
        key: Gives what an event is known by, or None if it has nothing. Its ``source`` and ``id``
            unless given; an event without a source is known by its id alone.
        lease: The seconds after which another delivery may run a handler whose process was killed.
            It is renewed while the handler runs, unless that keeps the event loop from running.
        ttl: The seconds for which it is remembered that a handler ran: longer than the sender goes
            on delivering.
        wait: The seconds to wait for a handler that runs for another delivery of the event; then,
            or at once if it is 0, the event is ``in_progress``.

    Raises:
        RegistrationError: If one of them can't work.
    """

    store: IdempotencyStore = field(validator=_refuse_no_store)
    key: EventKey | None = field(default=None, kw_only=True, validator=_refuse_no_function)
    lease: float = field(
        default=60, kw_only=True, converter=_read_lease, validator=refuse_no_seconds
    )
    ttl: float = field(
        default=86_400, kw_only=True, converter=_read_ttl, validator=refuse_no_seconds
    )
    wait: float = field(default=0, kw_only=True, converter=_read_wait, validator=_refuse_below_zero)

    @property
    def connection_types(self) -> Collection[Any]:
        """What handlers annotate a parameter with to be given a transaction of the store."""
        return self.store.connection_types if isinstance(self.store, TransactionalStore) else ()

    def parts_of(self, event: Event[Any]) -> tuple[str | None, ...]:
        """
        What the event is known by, of which keys are made.

        Raises:
            MissingKey: If there is nothing.
            RegistrationError: If ``key=`` gives what is no text.
            Exception: What ``key=`` raises.
        """
        if self.key is None:
            if not event.id:
                raise MissingKey(event.type)
            return event.source, event.id
        key: Any = self.key(event)
        if key is None or key == "":
            raise MissingKey(event.type, is_default=False)
        if not isinstance(key, str):
            raise RegistrationError(
                f"key= of Idempotency gave {type(key).__qualname__}, which is no text"
            )
        return (key,)


def as_idempotency(setting: Idempotency | IdempotencyStore | None) -> Idempotency | None:
    """
    The setting of a router, a store alone with the usual terms.

    Raises:
        RegistrationError: If it is neither.
    """
    if setting is None or isinstance(setting, Idempotency):
        return setting
    return Idempotency(setting)
