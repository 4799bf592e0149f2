"""What Lambda hands a function, told apart by what it says it is, and taken apart into events."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, cast

from attrs import frozen

from eventrouter.envelope import Headers
from eventrouter.errors import EventRouterError, printable
from eventrouter.integrations.aws_lambda.attributes import plain
from eventrouter.json import Raw
from eventrouter.timestamps import format_datetime


class UnknownInvocation(EventRouterError, ValueError):
    """
    Raised when what a function was invoked with is of no source that is known, or unlike AWS's.

    Attributes:
        reason: What it is, and what to do.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Source(Enum):
    """Where events come from, by what records call it."""

    SQS = "aws:sqs"
    SNS = "aws:sns"
    KINESIS = "aws:kinesis"
    DYNAMODB = "aws:dynamodb"
    EVENTBRIDGE = "aws:events"  # which has no records

    @property
    def is_stream(self) -> bool:
        """Whether Lambda goes on from a checkpoint, so that no event is left out."""
        return self in (Source.KINESIS, Source.DYNAMODB)

    @property
    def has_batches(self) -> bool:
        """Whether Lambda is told which events to deliver again; else it delivers all."""
        return self is Source.SQS or self.is_stream


@frozen
class Item:
    """
    One event of an invocation.

    Attributes:
        id: What Lambda is told to deliver it again by.
        raw: What arrived.
        headers: What came beside it: attributes of the message, and what AWS says of it, whose
            names begin with ``AWS.``, as no sender's may.
        group: Those of one group must be processed in order; None if it is in none.
        deliveries: How often it was delivered, this time included; None if that is not told.
    """

    id: str
    raw: Raw
    headers: Headers
    group: str | None = None
    deliveries: int | None = None


def taken_apart(invocation: Any) -> tuple[Source, list[Item]]:
    """
    Where an invocation comes from, and its events.

    Raises:
        UnknownInvocation: If it is of no source that is known, or not as AWS has it.
    """
    source = _source_of(invocation)
    try:
        if source is Source.EVENTBRIDGE:
            return source, [_of_eventbridge(invocation)]
        return source, [_READ[source](record) for record in invocation["Records"]]
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise UnknownInvocation(
            f"a record of {source.value} is not shaped as AWS shapes it: {type(error).__name__}"
        ) from error


def _source_of(invocation: Any) -> Source:
    if isinstance(invocation, Mapping):
        members = cast("Mapping[str, Any]", invocation)
        records: Any = members.get("Records")
        if isinstance(records, list) and records:
            named = set(map(_source_named_by, cast("list[Any]", records)))
            known = {source.value: source for source in _READ}
            if len(named) == 1 and named <= known.keys():
                return known[named.pop()]
            shown = ", ".join(sorted(printable(str(name)) for name in named))
            raise UnknownInvocation(
                f"the function was invoked with records of {shown}; it takes those of "
                f"{', '.join(known)}, and events of EventBridge"
            )
        if members.keys() >= _OF_EVENTBRIDGE:
            return Source.EVENTBRIDGE
    raise UnknownInvocation(
        "the function was invoked with what is neither records of SQS, SNS, Kinesis or DynamoDB "
        "nor an event of EventBridge; see what triggers it"
    )


def _source_named_by(record: Any) -> Any:
    if not isinstance(record, Mapping):
        return None
    members = cast("Mapping[str, Any]", record)
    name = members.get("eventSource", members.get("EventSource"))  # SNS has a capital letter
    return name if isinstance(name, str) else None


def _of_sqs(record: dict[str, Any]) -> Item:
    attributes: dict[str, str] = record["attributes"]
    arn: str = record["eventSourceARN"]
    return Item(
        record["messageId"],
        _text(record["body"]),
        {
            **_message_attributes(record.get("messageAttributes"), "stringValue", "binaryValue"),
            **_of_aws(
                attributes, "MessageGroupId", "MessageDeduplicationId", "ApproximateReceiveCount"
            ),
            "AWS.SentTimestamp": _time(int(attributes["SentTimestamp"]) / 1_000),
            "AWS.messageId": record["messageId"],
            "AWS.eventSourceARN": arn,
        },
        # A queue that keeps order is named so, and no other may be.
        attributes["MessageGroupId"] if arn.endswith(".fifo") else None,
        int(attributes["ApproximateReceiveCount"]),
    )


def _of_sns(record: dict[str, Any]) -> Item:
    message: dict[str, Any] = record["Sns"]
    return Item(
        message["MessageId"],
        _text(message["Message"]),
        {
            **_message_attributes(message.get("MessageAttributes"), "Value", "Value"),
            **_of_aws(message, "MessageId", "TopicArn", "Timestamp", "Subject"),
        },
    )


def _of_eventbridge(event: dict[str, Any]) -> Item:
    return Item(_text(event["id"]), json.dumps(event).encode(), {})


def _of_kinesis(record: dict[str, Any]) -> Item:
    data: dict[str, Any] = record["kinesis"]
    return Item(
        data["sequenceNumber"],
        b64decode(data["data"], validate=True),
        {
            **_of_aws(data, "partitionKey", "sequenceNumber"),
            **_of_aws(record, "eventID", "eventSourceARN"),
            "AWS.approximateArrivalTimestamp": _time(data["approximateArrivalTimestamp"]),
        },
    )


def _of_dynamodb(record: dict[str, Any]) -> Item:
    change: dict[str, Any] = record["dynamodb"]
    images = {name: plain(change[name]) for name in _IMAGES if name in change}
    headers = _of_aws(record, "eventID", "eventSourceARN")
    if "ApproximateCreationDateTime" in change:
        headers["AWS.ApproximateCreationDateTime"] = _time(change["ApproximateCreationDateTime"])
    return Item(
        change["SequenceNumber"],
        json.dumps({**record, "dynamodb": {**change, **images}}).encode(),
        headers,
    )


def _message_attributes(attributes: Any, text: str, binary: str) -> dict[str, str]:
    """What the sender attached: text and numbers as they are, bytes in base64."""
    values = {
        name: value.get(text) or value.get(binary)
        for name, value in cast("dict[str, dict[str, Any]]", attributes or {}).items()
    }
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _of_aws(members: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {f"AWS.{name}": members[name] for name in names if isinstance(members.get(name), str)}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it is text")
    return value


def _time(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


_IMAGES: Final = ("Keys", "NewImage", "OldImage")
_OF_EVENTBRIDGE: Final = {"id", "detail-type", "source", "time", "detail"}
_READ: Final[dict[Source, Callable[[dict[str, Any]], Item]]] = {
    Source.SQS: _of_sqs,
    Source.SNS: _of_sns,
    Source.KINESIS: _of_kinesis,
    Source.DYNAMODB: _of_dynamodb,
}
