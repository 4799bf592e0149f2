"""The data of a CloudEvent: a JSON value, or bytes where its content type is not JSON."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from eventrouter.envelope import Body
from eventrouter.envelopes.media_types import JSON, decoded_text, encoded_text, names_json
from eventrouter.errors import MalformedEvent, quoted
from eventrouter.json import encode
from eventrouter.kinds import described

#: The members of the JSON format that are no attributes.
DATA_MEMBERS: Final = frozenset({"data", "data_base64"})


def read_data(tree: Mapping[str, Any], content_type: str | None, body: Body) -> Any:
    """
    The payload in the JSON format; nothing and null are both None.

    Data in base64 is read as if it were the body in binary mode, but that nothing is assumed of
    it if it has no content type.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#312-payload-deserialization

    Raises:
        MalformedEvent: If it is there twice, not base64, or not what its content type says.
    """
    data, base64 = tree.get("data"), tree.get("data_base64")
    if base64 is not None:
        if "data" in tree:
            raise MalformedEvent("data and data_base64 are both there; one of them is the payload")
        decoded = _decoded(base64)
        return (
            decoded if content_type is None else _payload(Body(decoded, body.limits), content_type)
        )
    if data is None or content_type is None or names_json(content_type):
        return data
    if data.__class__ is not str:
        raise MalformedEvent(
            f"data of datacontenttype {quoted(content_type)} must be a string", described(data)
        )
    return encoded_text(data, content_type)


def write_data(payload: Any, content_type: str | None) -> dict[str, Any]:
    """
    The member of the JSON format that a payload is; none if it is None.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#311-payload-serialization

    Raises:
        MalformedEvent: If the payload is not what its content type says.
    """
    if payload is None:
        return {}
    if content_type is None and isinstance(payload, bytes):
        return _in_base64(payload)
    if content_type is None or names_json(content_type):
        return {"data": _json_value(payload)}
    data = _bytes(payload, content_type)
    text = payload if isinstance(payload, str) else decoded_text(data, content_type)
    return _in_base64(data) if text is None else {"data": text}


def read_body(body: Body, content_type: str | None, assumed: str) -> Any:
    """
    The payload in binary mode; an empty body of JSON, or without a content type, is None.

    Args:
        body: The body.
        content_type: Its content type, if it has one.
        assumed: What it is else.

    Raises:
        MalformedEvent: If it is not what its content type says, or over a limit.
    """
    if content_type is None and _is_empty(body):
        return None
    return _payload(body, content_type or assumed)


def write_body(payload: Any, content_type: str | None, assumed: str) -> tuple[bytes, str | None]:
    """
    The body in binary mode that a payload is, and the content type to go with it.

    Args:
        payload: The payload.
        content_type: What the event says of it, if anything.
        assumed: What a body without a content type is read as.

    Raises:
        MalformedEvent: If the payload is not what its content type says, or would not be read
            back.
    """
    if content_type is None and isinstance(payload, bytes):
        if names_json(assumed) or not payload:
            raise MalformedEvent("a payload of bytes needs a datacontenttype in the metadata")
        return payload, None
    if content_type is None or names_json(content_type):
        if payload is None:
            return b"", content_type
        # What JSON goes without saying is said in another mode:
        # https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#datacontenttype
        return encode(_json_value(payload)), content_type or JSON
    return _bytes(payload, content_type), content_type


def _payload(body: Body, content_type: str) -> Any:
    if not names_json(content_type):
        return body.bytes()
    return None if _is_empty(body) else body.json()


def _is_empty(body: Body) -> bool:
    return not isinstance(body.raw, Mapping) and not body.bytes()


def _decoded(base64: Any) -> bytes:
    try:
        if base64.__class__ is str:
            return b64decode(base64, validate=True)
    except ValueError:
        pass  # said below
    raise MalformedEvent("data_base64 must be base64 in a string", described(base64))


def _in_base64(data: bytes) -> dict[str, Any]:
    return {"data_base64": b64encode(data).decode()}


def _json_value(payload: Any) -> Any:
    if isinstance(payload, bytes):
        raise MalformedEvent("a payload whose datacontenttype is JSON is a JSON value, not bytes")
    return payload


def _bytes(payload: Any, content_type: str) -> bytes:
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        return encoded_text(payload, content_type)
    raise MalformedEvent(
        f"a payload of {quoted(content_type)} is bytes or text", described(payload)
    )
