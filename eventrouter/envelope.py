"""What an envelope is: how an event lies in bytes and headers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from eventrouter.errors import MalformedEvent
from eventrouter.event import Event
from eventrouter.json import DEFAULT_LIMITS, Parse, Raw, as_bytes, decode, too_large
from eventrouter.limits import Limits

#: Header names, in any case, to values.
Headers: TypeAlias = Mapping[str, str]

NO_HEADERS: Final[Headers] = MappingProxyType({})
_UNREAD: Final = object()


class Body:
    """
    What arrived, and the limits it is read within.

    Args:
        raw: The bytes, the text, or the JSON parsed already.
        limits: How much of it is read before it is refused.
        parse: What parses JSON faster and gives the same, or raises.
    """

    __slots__ = ("_parse", "_tree", "limits", "raw")

    def __init__(
        self, raw: Raw, limits: Limits = DEFAULT_LIMITS, parse: Parse | None = None
    ) -> None:
        self.raw = raw
        self.limits = limits
        self._parse = parse
        self._tree: Any = _UNREAD

    def json(self) -> Any:
        """
        The JSON value it holds, parsed once.

        Raises:
            MalformedEvent: If it is not JSON, or over a limit.
        """
        if self._tree is _UNREAD:
            self._tree = decode(self.raw, self.limits, self._parse)
        return self._tree

    def bytes(self) -> bytes:
        """
        The bytes of it as they came, text in UTF-8.

        Raises:
            MalformedEvent: If it was parsed already, or is over a limit.
        """
        if isinstance(self.raw, Mapping):
            raise MalformedEvent("what is not JSON must be given as bytes, not as a mapping")
        data = as_bytes(self.raw)
        if len(data) > self.limits.max_bytes:
            raise too_large(data, self.limits)
        return data


class Envelope(Protocol):
    """How an event lies in bytes and headers: what reads it from there and writes it back."""

    def fits(self, body: Body, headers: Headers) -> bool:
        """
        Whether this looks like this envelope, by content type and shape.

        It is asked only where a router has several envelopes.

        Raises:
            MalformedEvent: If it needs the body's JSON to tell, and the body is not JSON.
        """
        ...

    def read(self, body: Body, headers: Headers) -> Event[Any]:
        """
        Read an event, its payload still raw JSON.

        Raises:
            MalformedEvent: If what arrived is no such envelope.
        """
        ...

    def write(self, event: Event[Any]) -> tuple[bytes, dict[str, str]]:
        """
        Write an event whose payload is JSON; ``read`` gives an equal event back.

        Raises:
            MalformedEvent: If the event can't be written so that it is read back.
        """
        ...


@runtime_checkable
class WritesBytes(Protocol):
    """What an envelope has besides if it writes some payloads as bytes, not as JSON."""

    def writes_bytes(self, event: Event[Any]) -> bool:
        """Whether the event's payload is bytes to be written as they are, not in base64."""
        ...


def header(headers: Headers, name: str) -> str | None:
    """
    The value of a header, its name in any case, or None.

    Raises:
        MalformedEvent: If the value is not text.
    """
    value: Any = headers.get(name)
    if value is None:
        folded = name.casefold()
        value = next((headers[key] for key in headers if key.casefold() == folded), None)
    if value is None or isinstance(value, str):
        return value
    raise MalformedEvent(f"the header {name} is {type(value).__qualname__}, not text")


def is_json(headers: Headers) -> bool:
    """Whether it is JSON by its content type or has none, and by headers no CloudEvent."""
    if header(headers, "ce-specversion") is not None:
        return False
    content_type = header(headers, "Content-Type")
    if content_type is None:
        return True
    media_type = content_type.partition(";")[0].strip().casefold()
    if media_type.startswith("application/cloudevents"):
        return False
    return media_type.endswith(("/json", "+json"))
