"""What the method and the headers of a request say about its body."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple

from eventrouter.envelope import Headers
from eventrouter.integrations.http.answers import Refused, problem
from eventrouter.integrations.http.bodies import CODINGS, too_large

_UTF_8: Final = ("utf-8", "utf8")
_BATCH: Final = "application/cloudevents-batch+json"
_LINES: Final = "application/x-ndjson"
_USUAL: Final = "application/json"
_TAKEN: Final = f"{_USUAL}, application/cloudevents+json, {_BATCH}, {_LINES}"


class Shape(Enum):
    """How events lie in a body."""

    EVENT = auto()  # one event, whatever the body
    JSON = auto()  # one event; or an array of them, if the endpoint takes batches
    CLOUDEVENTS = auto()  # an array of structured CloudEvents
    LINES = auto()  # one event a line


class Head(NamedTuple):
    """
    What comes before the body.

    Attributes:
        headers: All headers, their names in lower case.
        shape: How events lie in the body.
        coding: The content coding of the body, or nothing.
        length: The bytes of the body as declared, or None.
    """

    headers: Headers
    shape: Shape
    coding: str
    length: int | None


def read_head(method: str, headers: Headers, most: int) -> Head:
    """
    Check a request as far as that is possible without its body.

    Args:
        method: The method.
        headers: All headers, their names in lower case; of one that is repeated, the values
            joined by commas.
        most: The bytes that a body may have.

    Raises:
        Refused: If the method, the content type or coding is none of those taken, or the body is
            declared to be too large.
    """
    if method != "POST":
        raise Refused(problem(405, "events are sent by POST", headers={"allow": "POST"}))
    shape = _shape_of(headers)
    coding = headers.get("content-encoding", "").strip().lower()
    if coding and coding not in CODINGS:
        raise Refused(
            problem(
                415,
                "the body may be coded as gzip or deflate, or not at all",
                headers={"accept-encoding": "gzip, deflate"},
            )
        )
    length = _length_of(headers)
    if length is not None and length > most:
        raise Refused(too_large(most))
    return Head(headers, shape, coding, length)


def _shape_of(headers: Headers) -> Shape:
    content_type = headers.get("content-type", "")
    if content_type == _USUAL and "ce-specversion" not in headers:
        return Shape.JSON  # as below, without taking it apart
    # Without a content type it is 415 too: a browser can be made to send such a request from any
    # page, and one with a JSON type or a header of its own can't without asking first.
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    is_structured = media_type.startswith("application/cloudevents")
    if "ce-specversion" in headers and not is_structured:
        return Shape.EVENT  # CloudEvents in binary mode: the type is that of the payload
    if not _is_utf_8(parameters):
        raise Refused(problem(415, "the charset must be UTF-8"))
    if media_type == _BATCH:
        return Shape.CLOUDEVENTS
    if media_type == _LINES:
        return Shape.LINES
    subtype = media_type.removeprefix("application/")
    if subtype != media_type and (subtype == "json" or subtype.endswith("+json")):
        return Shape.EVENT if is_structured else Shape.JSON
    raise Refused(
        problem(415, "the content type must be one of JSON's", headers={"accept": _TAKEN})
    )


def _is_utf_8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in _UTF_8
    return True


def _length_of(headers: Headers) -> int | None:
    text = headers.get("content-length", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused(problem(400, "the content length is not a number"))
    return int(text) if len(text) < _MOST_DIGITS else _HUGE


_MOST_DIGITS = 19
_HUGE = 10**_MOST_DIGITS
