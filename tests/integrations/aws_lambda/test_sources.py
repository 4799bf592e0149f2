"""Events of each source reach handlers, with what came beside them."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen

from eventrouter import Event, Header, MappedEnvelope, RegistrationError, Router
from eventrouter.integrations.aws_lambda import (
    DYNAMODB,
    EVENTBRIDGE,
    UnknownInvocation,
    lambda_handler,
)
from eventrouter.testing import Recorder
from tests.integrations.aws_lambda.samples import (
    QUEUE,
    TABLE,
    TOPIC,
    body,
    dynamodb_record,
    eventbridge_event,
    failures,
    kinesis_record,
    records,
    sns_record,
    sqs_record,
)


def seen_by(envelope: Any, invocation: Any) -> list[Event[Any]]:
    """What an observer sees of an invocation."""
    router, recorder = Router(envelope=envelope, unrouted="ignore"), Recorder()
    router.on_any(recorder)
    with closing(lambda_handler(router)) as handler:
        handler(invocation)
    return recorder.events


def test_a_message_of_sqs_is_an_event() -> None:
    [event] = seen_by(None, records([sqs_record("m-1", body(payload={"cents": 5}))]))

    assert (event.type, event.payload, event.id) == ("order.paid", {"cents": 5}, "e-1")


def test_attributes_of_a_message_and_what_aws_says_of_it_are_headers() -> None:
    record = sqs_record(
        "m-1",
        "{}",
        group="g-1",
        deliveries=3,
        attributes={
            "type": {"stringValue": "order.paid", "dataType": "String"},
            "weight": {"stringValue": "7", "dataType": "Number.int"},
            "blob": {"binaryValue": "AAE=", "dataType": "Binary"},
        },
    )
    named = {
        "id": "AWS.MessageDeduplicationId",
        "message": "AWS.messageId",
        "group": "aws.messagegroupid",
        "count": "AWS.ApproximateReceiveCount",
        "queue": "AWS.eventSourceARN",
        "weight": "weight",
        "blob": "blob",
    }
    envelope = MappedEnvelope(
        type=Header("type"),
        timestamp=Header("AWS.SentTimestamp"),
        metadata={name: Header(header) for name, header in named.items()},
    )

    [event] = seen_by(envelope, records([record]))

    assert event.type == "order.paid"
    assert event.timestamp.isoformat() == "2018-12-17T21:37:29.183000+00:00"
    assert event.metadata == {
        "id": "dedup-m-1",
        "message": "m-1",
        "group": "g-1",
        "count": "3",
        "queue": f"{QUEUE}.fifo",
        "weight": "7",
        "blob": "AAE=",
    }


def test_a_sender_can_not_set_what_aws_says() -> None:
    forged: dict[str, Any] = {"AWS.messageId": {"stringValue": "m-2", "dataType": "String"}}
    envelope = MappedEnvelope(type="event_type", id=Header("AWS.messageId"))

    [event] = seen_by(envelope, records([sqs_record("m-1", body(), attributes=forged)]))

    assert event.id == "m-1"


def test_a_message_of_sns_is_an_event() -> None:
    envelope = MappedEnvelope(
        type="event_type",
        payload="payload",
        id=Header("AWS.MessageId"),
        source=Header("AWS.TopicArn"),
        timestamp=Header("AWS.Timestamp"),
        metadata={"test": Header("Test"), "subject": Header("AWS.Subject")},
    )

    [event] = seen_by(envelope, records([sns_record(body(payload=1), "m-1")]))

    assert (event.type, event.payload, event.id, event.source) == ("order.paid", 1, "m-1", TOPIC)
    assert (event.metadata["test"], event.metadata["subject"]) == ("TestString", "TestInvoke")
    assert event.timestamp.isoformat() == "2019-01-02T12:45:07+00:00"


def test_an_event_of_eventbridge_is_an_event() -> None:
    [event] = seen_by(EVENTBRIDGE, eventbridge_event(state="terminated"))

    assert event.type == "EC2 Instance State-change Notification"
    assert (event.id, event.source) == ("6a7e8feb-b491-4cf7-a9f1-bf3703467718", "aws.ec2")
    assert event.payload == {"state": "terminated"}
    assert event.timestamp.isoformat() == "2017-12-22T18:43:48+00:00"


def test_a_record_of_kinesis_is_an_event() -> None:
    envelope = MappedEnvelope(
        type="event_type",
        payload="payload",
        id=Header("AWS.eventID"),
        timestamp=Header("AWS.approximateArrivalTimestamp"),
        metadata={"key": Header("AWS.partitionKey")},
    )

    [event] = seen_by(envelope, records([kinesis_record("495", body(payload="é").encode())]))

    assert (event.type, event.payload) == ("order.paid", "é")
    assert (event.id, event.metadata["key"]) == ("shardId-000000000006:495", "1")
    assert event.timestamp.isoformat() == "2018-12-17T22:10:50.987000+00:00"


@frozen
class Item:
    Id: int
    price: Decimal
    total: Decimal
    tags: set[str]
    picture: bytes
    size: Decimal | None


@frozen
class Change:
    Keys: dict[str, int]
    NewImage: Item


def test_a_change_of_a_dynamodb_table_is_built_as_what_a_handler_takes() -> None:
    image = {
        "Id": {"N": "101"},
        "price": {"N": "12345678901234567890.123456789012345678"},
        "total": {"N": "1E+2"},
        "tags": {"SS": ["a", "b"]},
        "picture": {"B": "AAEC"},
        "size": {"NULL": True},
    }
    router, seen = Router(envelope=DYNAMODB), list[Event[Change]]()

    @router.on("INSERT")
    def on_insert(event: Event[Change]) -> None:
        seen.append(event)

    assert lambda_handler(router)(records([dynamodb_record("1", image)])) == failures()

    [event] = seen
    assert (event.id, event.source) == ("id-of-1", TABLE)
    assert event.timestamp.isoformat() == "2024-06-10T19:26:16+00:00"
    assert event.payload.Keys == {"Id": 101}
    assert event.payload.NewImage == Item(
        101,
        Decimal("12345678901234567890.123456789012345678"),
        Decimal(100),
        {"a", "b"},
        b"\0\1\2",
        None,
    )


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"S": ""}, ""),
        ({"N": "-7"}, -7),
        ({"N": "0.10"}, "0.10"),
        ({"N": "1E+125"}, "1E+125"),
        ({"BOOL": False}, False),
        ({"NULL": True}, None),
        ({"NS": ["1", "2.5"]}, [1, "2.5"]),
        ({"BS": ["AA=="]}, ["AA=="]),
        ({"L": [{"S": "a"}, {"L": [{"N": "1"}]}]}, ["a", [1]]),
        ({"M": {"S": {"M": {"a": {"BOOL": True}}}}}, {"S": {"a": True}}),
    ],
)
def test_every_kind_of_value_of_dynamodb_is_plain_json(value: Any, plain: Any) -> None:
    [event] = seen_by(DYNAMODB, records([dynamodb_record("1", {"value": value})]))

    assert event.payload["NewImage"] == {"value": plain}


@pytest.mark.parametrize(
    "invocation",
    [
        None,
        [],
        {},
        {"Records": []},
        {"Records": "x"},
        {"Records": [None]},
        {"Records": [{"eventSource": 7}]},
        {"Records": [{"eventSource": "aws:s3"}]},
        records([sqs_record("m-1", body()), kinesis_record("1", b"{}")]),
        {"httpMethod": "GET", "body": body()},
        {"id": "1", "source": "aws.ec2", "detail": {}},
    ],
)
def test_what_is_of_no_known_source_is_refused(invocation: Any) -> None:
    with pytest.raises(UnknownInvocation, match="the function was invoked with"):
        lambda_handler(Router())(invocation)


@pytest.mark.parametrize(
    "record",
    [
        {"eventSource": "aws:sqs"},
        {**sqs_record("m-1", body()), "attributes": {}},
        {**sqs_record("m-1", body()), "body": None},
        {**sqs_record("m-1", body()), "eventSourceARN": f"{QUEUE}.fifo"},
        {"EventSource": "aws:sns", "Sns": None},
        {**kinesis_record("1", b""), "kinesis": {"sequenceNumber": "1", "data": "%"}},
        dynamodb_record("1", {"value": {"X": 1}}),
        dynamodb_record("1", {"value": {"N": "one"}}),
        dynamodb_record("1", {"value": {"N": "1", "S": "1"}}),
        dynamodb_record("1", {"value": 1}),
    ],
)
def test_a_record_unlike_those_of_aws_is_refused_without_its_values(record: Any) -> None:
    with pytest.raises(UnknownInvocation, match="is not shaped as AWS shapes it") as refused:
        lambda_handler(Router())(records([record]))

    assert "one" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"attempts": 0}, "limit=0"),
        ({"concurrency": 0}, "concurrency=0: it is at least 1"),
        ({"dead_letters": "events.db"}, "it is a DeadLetterStore"),
    ],
)
def test_a_setting_that_can_not_work_is_refused_when_made(settings: Any, said: str) -> None:
    with pytest.raises(RegistrationError, match=said):
        lambda_handler(Router(), **settings)


def test_a_router_that_can_not_work_is_refused_when_made() -> None:
    router = Router()

    @router.on("order.paid")
    def charge(order: dict[str, int], clerk: Decimal) -> None: ...

    with pytest.raises(RegistrationError, match="clerk"):
        lambda_handler(router)


def test_handlers_registered_later_count() -> None:
    router, ran = Router(), list[str]()
    with closing(lambda_handler(router)) as handler:

        @router.on("order.paid")
        async def charge(order: Any) -> None:
            ran.append(order)

        assert handler(records([sqs_record("m-1", body(payload="o-1"))])) == failures()

    assert ran == ["o-1"]
