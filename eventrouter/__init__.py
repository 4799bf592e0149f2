"""Routes JSON events to typed business functions."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventrouter.converter import make_converter
    from eventrouter.envelope import Body, Envelope, Headers
    from eventrouter.envelopes.cloudevents.envelope import CloudEventsEnvelope, DataSchema
    from eventrouter.envelopes.json import JsonEnvelope
    from eventrouter.envelopes.mapped import Header, MappedEnvelope
    from eventrouter.errors import (
        ClaimLost,
        EventError,
        EventLoopRunning,
        EventRouterError,
        EventTooLarge,
        HandlerPaused,
        HandlerTimeout,
        InvalidPayload,
        InvalidSignature,
        MalformedEvent,
        MissingKey,
        MissingVersion,
        NeverEnded,
        NoExample,
        NotSetAside,
        PublishError,
        RegistrationError,
        RetryAfter,
        StoreError,
        TooManyAbandoned,
        UnknownType,
        UnknownVersion,
        UnreadableLock,
        Unrecoverable,
        UnroutedEvent,
    )
    from eventrouter.event import Event, Metadata
    from eventrouter.idempotency import Idempotency
    from eventrouter.inbox import Inbox
    from eventrouter.limits import Limits
    from eventrouter.outbox import Outbox
    from eventrouter.publishing import Publisher
    from eventrouter.replaying import Replay
    from eventrouter.result import FailedAttempt, HandlerResult, Result, Status
    from eventrouter.retry import Exponential, Retry, exponential
    from eventrouter.router import Router
    from eventrouter.scope import CallNext
    from eventrouter.stores.letters import DeadLetter
    from eventrouter.stores.memory.store import MemoryStore
    from eventrouter.stores.sqlite.store import SqliteStore

__version__ = "0.1.0.dev0"

__all__ = [
    "Body",
    "CallNext",
    "ClaimLost",
    "CloudEventsEnvelope",
    "DataSchema",
    "DeadLetter",
    "Envelope",
    "Event",
    "EventError",
    "EventLoopRunning",
    "EventRouterError",
    "EventTooLarge",
    "Exponential",
    "FailedAttempt",
    "HandlerPaused",
    "HandlerResult",
    "HandlerTimeout",
    "Header",
    "Headers",
    "Idempotency",
    "Inbox",
    "InvalidPayload",
    "InvalidSignature",
    "JsonEnvelope",
    "Limits",
    "MalformedEvent",
    "MappedEnvelope",
    "MemoryStore",
    "Metadata",
    "MissingKey",
    "MissingVersion",
    "NeverEnded",
    "NoExample",
    "NotSetAside",
    "Outbox",
    "PublishError",
    "Publisher",
    "RegistrationError",
    "Replay",
    "Result",
    "Retry",
    "RetryAfter",
    "Router",
    "SqliteStore",
    "Status",
    "StoreError",
    "TooManyAbandoned",
    "UnknownType",
    "UnknownVersion",
    "UnreadableLock",
    "Unrecoverable",
    "UnroutedEvent",
    "exponential",
    "make_converter",
]

# Each name is imported when it is first used: a module that only names ``Event`` in annotations
# need not wait for the router.
_HOMES = {
    "Body": "envelope",
    "CallNext": "scope",
    "ClaimLost": "errors",
    "CloudEventsEnvelope": "envelopes.cloudevents.envelope",
    "DataSchema": "envelopes.cloudevents.envelope",
    "DeadLetter": "stores.letters",
    "Envelope": "envelope",
    "Event": "event",
    "EventError": "errors",
    "EventLoopRunning": "errors",
    "EventRouterError": "errors",
    "EventTooLarge": "errors",
    "Exponential": "retry",
    "FailedAttempt": "result",
    "HandlerResult": "result",
    "HandlerPaused": "errors",
    "HandlerTimeout": "errors",
    "Header": "envelopes.mapped",
    "Headers": "envelope",
    "Idempotency": "idempotency",
    "Inbox": "inbox",
    "InvalidPayload": "errors",
    "InvalidSignature": "errors",
    "JsonEnvelope": "envelopes.json",
    "Limits": "limits",
    "MalformedEvent": "errors",
    "MappedEnvelope": "envelopes.mapped",
    "MemoryStore": "stores.memory.store",
    "Metadata": "event",
    "MissingKey": "errors",
    "MissingVersion": "errors",
    "NeverEnded": "errors",
    "NotSetAside": "errors",
    "NoExample": "errors",
    "Outbox": "outbox",
    "PublishError": "errors",
    "Publisher": "publishing",
    "RegistrationError": "errors",
    "Replay": "replaying",
    "Result": "result",
    "Retry": "retry",
    "RetryAfter": "errors",
    "Router": "router",
    "SqliteStore": "stores.sqlite.store",
    "Status": "result",
    "StoreError": "errors",
    "TooManyAbandoned": "errors",
    "UnknownType": "errors",
    "UnknownVersion": "errors",
    "UnreadableLock": "errors",
    "Unrecoverable": "errors",
    "UnroutedEvent": "errors",
    "exponential": "retry",
    "make_converter": "converter",
}

if not TYPE_CHECKING:  # or any name would pass as one it has

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'eventrouter' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"eventrouter.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
