"""CloudEvents 1.0: events in structured, binary and batch mode over HTTP, or as JSON alone."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

from attrs import field, frozen

from eventrouter.envelope import NO_HEADERS, Body, Headers, header
from eventrouter.envelopes.cloudevents.attributes import (
    SPECVERSION,
    Attributes,
    canonical,
    check_attributes,
    is_extension_name,
)
from eventrouter.envelopes.cloudevents.data import (
    DATA_MEMBERS,
    read_body,
    read_data,
    write_body,
    write_data,
)
from eventrouter.envelopes.cloudevents.headers import PREFIX, read_headers, write_headers
from eventrouter.envelopes.json import read_name, read_timestamp, write_timestamp
from eventrouter.envelopes.media_types import JSON, essence, is_media_type, names_json
from eventrouter.errors import MalformedEvent, RegistrationError, quoted
from eventrouter.event import Event, now
from eventrouter.json import Raw, encode
from eventrouter.kinds import described

_FAMILY: Final = "application/cloudevents"
_STRUCTURED: Final = f"{_FAMILY}+json"
_BATCH: Final = f"{_FAMILY}-batch+json"

Mode: TypeAlias = Literal["structured", "binary"]

_REQUIRED_HEADERS = tuple(f"{PREFIX}{name}" for name in ("specversion", "id", "source", "type"))
_METADATA = ("id", "source", "subject", "dataschema", "datacontenttype")

# Metadata -> the attribute it is, whose name may have no underscore.
# https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/correlation.md
_RENAMED = {"correlation_id": "correlationid", "causation_id": "causationid"}


def _check_template(_: Any, __: Any, template: str) -> None:
    if template.count("{version}") != 1:
        raise RegistrationError(f"DataSchema({template!r}): it needs {{version}} once")


@frozen
class DataSchema:
    """
    The version of an event in its ``dataschema``, read and written by a template.

    ``DataSchema("https://schemas.example/{type}/{version}")`` finds ``v2`` in
    ``https://schemas.example/order.paid/v2``; a URI that is not of that form has no version.

    Args:
        template: The URI, with ``{version}`` once where the version stands, and ``{type}`` where
            the event's type does. By default the whole URI is the version.

    Raises:
        RegistrationError: If ``{version}`` is not there once.
    """

    template: str = field(default="{version}", validator=_check_template)

    def read(self, uri: str, event_type: str) -> str | None:
        """The version that a URI names, or None."""
        before, _, after = self._of(event_type).partition("{version}")
        if len(uri) <= len(before) + len(after):
            return None
        is_of_it = uri.startswith(before) and uri.endswith(after)
        return uri[len(before) : len(uri) - len(after)] if is_of_it else None

    def write(self, version: str, event_type: str) -> str:
        """The URI that names a version."""
        return self._of(event_type).replace("{version}", version)

    def _of(self, event_type: str) -> str:
        return self.template.replace("{type}", quote(event_type, safe="", errors="replace"))


def _check_version(_: Any, __: Any, version: Any) -> None:
    is_name = isinstance(version, str) and is_extension_name(version)
    if version is not None and not isinstance(version, DataSchema) and not is_name:
        raise RegistrationError(
            f"version={version!r}: it is the name of an extension attribute, or DataSchema(...)"
        )


def _check_mode(_: Any, __: Any, mode: Mode) -> None:
    if mode not in ("structured", "binary"):
        raise RegistrationError(f"mode={mode!r}: it is 'structured' or 'binary'")


def _check_content_type(_: Any, __: Any, content_type: str) -> None:
    if not is_media_type(content_type):
        raise RegistrationError(f"assumed_content_type={content_type!r} is no media type")


@frozen(kw_only=True)
class CloudEventsEnvelope:
    """
    An event of CloudEvents 1.0, in the JSON format or in headers beside its data.

    It reads both modes. ``type`` and ``time`` are the event's type and timestamp; ``id``,
    ``source``, ``subject``, ``dataschema`` and ``datacontenttype`` are metadata, and so are
    ``correlationid`` and ``causationid``, there ``correlation_id`` and ``causation_id``, if they
    are text; every other attribute is an extension. Data is the payload: a JSON value if its
    content type is JSON, and else bytes. Without ``time`` the timestamp is the time of reading. A
    ``datacontenttype`` of ``application/json`` is not kept, as it is what goes without saying.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md

    Args:
        mode: How events are written: one JSON object (``"structured"``), or the data alone with
            the attributes in headers (``"binary"``).
        version: Where the version lies: the name of an extension attribute, or ``DataSchema``.
            That attribute is ``event.version`` then, and nowhere else. Without it no event has
            a version.
        assumed_content_type: What data in binary mode is where no ``Content-Type`` says so. The
            SDK for Python sends none with JSON.

    Raises:
        RegistrationError: If a setting can't work.
    """

    mode: Mode = field(default="structured", validator=_check_mode)
    version: str | DataSchema | None = field(default=None, validator=_check_version)
    assumed_content_type: str = field(default=JSON, validator=_check_content_type)

    def fits(self, body: Body, headers: Headers) -> bool:
        """
        Whether it says that it is a CloudEvent.

        By a content type ``application/cloudevents...``, by the header ``ce-specversion``, or,
        where the content type is ``application/json`` or none, by the member ``specversion``.
        """
        content_type = essence(header(headers, "Content-Type") or JSON)
        if content_type.startswith(_FAMILY) or header(headers, "ce-specversion") is not None:
            return True
        if content_type != JSON:
            return False
        tree = body.json()
        return tree.__class__ is dict and "specversion" in tree

    def read(self, body: Body | Raw, headers: Headers = NO_HEADERS) -> Event[Any]:
        """
        Read an event, its payload a JSON value, or bytes where its content type is not JSON.

        Raises:
            MalformedEvent: If it is no CloudEvent of version 1.0 by its specification, or over
                a limit.
        """
        if not isinstance(body, Body):
            body = Body(body)
        content_type = essence(header(headers, "Content-Type") or JSON)
        if content_type.startswith(_FAMILY):
            if content_type != _STRUCTURED:
                raise _unread_format(content_type)
        elif any(header(headers, name) is not None for name in _REQUIRED_HEADERS):
            return self._read_binary(body, headers)
        elif content_type != JSON:
            raise MalformedEvent(
                f"no CloudEvent: there are no ce- headers, and the content type is "
                f"{quoted(content_type)}, not {_STRUCTURED}"
            )
        return self._read_structured(body)

    def write(self, event: Event[Any]) -> tuple[bytes, dict[str, str]]:
        """
        Write an event whose payload is JSON, bytes, or text if its content type is not JSON.

        ``read`` gives an equal event back, but for text, which is read as its bytes, and for
        integers and booleans in extensions, which are text in binary mode.

        Raises:
            MalformedEvent: If the event is no CloudEvent: it has no source, or metadata that
                no attribute holds, or its payload is not what its content type says.
        """
        if self.mode == "structured":
            return encode(self._structured(event)), {"Content-Type": _STRUCTURED}
        return self._write_binary(event)

    def write_batch(self, events: Iterable[Event[Any]]) -> tuple[bytes, dict[str, str]]:
        """
        Write several events as one JSON array, each as in structured mode.

        https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format

        Raises:
            MalformedEvent: What ``write`` raises of one of them.
        """
        return encode(list(map(self._structured, events))), {"Content-Type": _BATCH}

    def writes_bytes(self, event: Event[Any]) -> bool:
        """Whether the event's payload is bytes of a content type that is not JSON."""
        content_type = event.metadata.get("datacontenttype", JSON)
        return isinstance(event.payload, bytes) and not names_json(content_type)

    # Reading

    def _read_structured(self, body: Body) -> Event[Any]:
        tree = body.json()
        if tree.__class__ is not dict:
            raise MalformedEvent("a CloudEvent is a JSON object", described(tree))
        attributes = {
            name: value
            for name, value in tree.items()
            # https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#22-type-system-mapping
            if value is not None and name not in DATA_MEMBERS
        }
        check_attributes(attributes)
        payload = read_data(tree, attributes.get("datacontenttype"), body)
        return self._event(attributes, payload, body)

    def _read_binary(self, body: Body, headers: Headers) -> Event[Any]:
        attributes = read_headers(headers, body.limits)
        check_attributes(attributes)
        payload = read_body(body, attributes.get("datacontenttype"), self.assumed_content_type)
        return self._event(attributes, payload, body)

    def _event(self, attributes: Attributes, payload: Any, body: Body) -> Event[Any]:
        rest = dict(attributes)
        version = self._version_in(attributes)
        if version is not None:
            read_name(version, f"the version in {self._version_name}", body.limits)
            del rest[self._version_name]
        del rest["specversion"]
        event_type = read_name(rest.pop("type"), "type", body.limits)
        time = rest.pop("time", None)
        metadata: dict[str, str] = {name: rest.pop(name) for name in _METADATA if name in rest}
        if metadata.get("datacontenttype", "").casefold() == JSON:
            del metadata["datacontenttype"]
        for name, attribute in _RENAMED.items():
            if isinstance(rest.get(attribute), str):
                metadata[name] = rest.pop(attribute)
        if version is not None:
            metadata["version"] = version
        return Event(
            event_type,
            payload,
            now() if time is None else read_timestamp(time, "time"),
            MappingProxyType(metadata),
            MappingProxyType(rest),
        )

    @property
    def _version_name(self) -> str:
        return self.version if isinstance(self.version, str) else "dataschema"

    def _version_in(self, attributes: Attributes) -> str | None:
        value = attributes.get(self._version_name)
        if value is None or self.version is None:
            return None
        if isinstance(self.version, DataSchema):
            return self.version.read(value, attributes["type"])
        return canonical(value)

    # Writing

    def _structured(self, event: Event[Any]) -> dict[str, Any]:
        attributes = self._attributes(event)
        return attributes | write_data(event.payload, attributes.get("datacontenttype"))

    def _write_binary(self, event: Event[Any]) -> tuple[bytes, dict[str, str]]:
        attributes = self._attributes(event)
        data, content_type = write_body(
            event.payload, attributes.get("datacontenttype"), self.assumed_content_type
        )
        if content_type is not None:
            attributes["datacontenttype"] = content_type
        return data, write_headers(attributes)

    def _attributes(self, event: Event[Any]) -> dict[str, Any]:
        metadata = dict(event.metadata)
        version = metadata.pop("version", None)
        attributes: dict[str, Any] = {
            "specversion": SPECVERSION,
            "type": event.type,
            "time": write_timestamp(event.timestamp),
            **{name: metadata.pop(name) for name in _METADATA if name in metadata},
            **{_RENAMED[name]: metadata.pop(name) for name in _RENAMED if name in metadata},
        }
        if metadata:
            raise MalformedEvent(
                f"this envelope has no place for metadata {quoted(min(metadata))}; an attribute "
                "of yours is an extension"
            )
        parts = dict(event.extensions)
        if version is not None:
            _put(parts, self._version_name, self._version_value(version, event.type))
        for name, value in parts.items():
            _put(attributes, name, value)
        check_attributes(attributes)
        if self._version_in(attributes) != version:
            raise MalformedEvent(
                f"{self._version_name} is where the version lies, and the event has another"
            )
        return attributes

    def _version_value(self, version: str, event_type: str) -> str:
        if self.version is None:
            raise MalformedEvent(
                "this envelope has no place for a version; CloudEventsEnvelope(version=...) "
                "says which attribute it is"
            )
        if isinstance(self.version, DataSchema):
            return self.version.write(version, event_type)
        return version


def _put(attributes: dict[str, Any], name: str, value: Any) -> None:
    if name in attributes:
        raise MalformedEvent(f"two parts of the event are the attribute {quoted(name)}")
    attributes[name] = value


def _unread_format(content_type: str) -> MalformedEvent:
    if content_type.startswith(f"{_FAMILY}-batch"):
        return MalformedEvent(
            f"{quoted(content_type)} is a batch: hand the router each event of the array, "
            f"with the content type {_STRUCTURED}"
        )
    return MalformedEvent(f"{quoted(content_type)}: of CloudEvents, only the JSON format is read")
