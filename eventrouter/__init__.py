"""Routes JSON events to typed business functions."""

from eventrouter.converter import make_converter
from eventrouter.envelope import Body, Envelope, Headers
from eventrouter.envelopes.json import JsonEnvelope
from eventrouter.envelopes.mapped import Header, MappedEnvelope
from eventrouter.errors import (
    EventError,
    EventLoopRunning,
    EventRouterError,
    EventTooLarge,
    InvalidPayload,
    MalformedEvent,
    MissingVersion,
    RegistrationError,
    UnknownType,
    UnknownVersion,
    UnroutedEvent,
)
from eventrouter.event import Event, Metadata
from eventrouter.limits import Limits
from eventrouter.result import HandlerResult, Result, Status
from eventrouter.router import Router
from eventrouter.scope import CallNext

__version__ = "0.1.0.dev0"

__all__ = [
    "Body",
    "CallNext",
    "Envelope",
    "Event",
    "EventError",
    "EventLoopRunning",
    "EventRouterError",
    "EventTooLarge",
    "HandlerResult",
    "Header",
    "Headers",
    "InvalidPayload",
    "JsonEnvelope",
    "Limits",
    "MalformedEvent",
    "MappedEnvelope",
    "Metadata",
    "MissingVersion",
    "RegistrationError",
    "Result",
    "Router",
    "Status",
    "UnknownType",
    "UnknownVersion",
    "UnroutedEvent",
    "make_converter",
]
