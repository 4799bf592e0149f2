"""The answers are those that AWS's own Powertools give for the same records."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes import (
    DynamoDBStreamEvent,
    EventBridgeEvent,
    KinesisStreamEvent,
    SNSEvent,
    SQSEvent,
)

from eventrouter import Router
from eventrouter.integrations.aws_lambda import DYNAMODB, lambda_handler
from tests.integrations.aws_lambda.samples import (
    Context,
    body,
    dynamodb_record,
    eventbridge_event,
    kinesis_record,
    records,
    sns_record,
    sqs_record,
)

DEEDS = ["a", "fail", "b", "fail", "c"]


def raise_if_told(do: str) -> None:
    if do == "fail":
        raise ConnectionError("the bank is away")


def of_powertools(processor: Any, invocation: Any, read: Callable[[Any], str]) -> Any:
    return process_partial_response(
        event=invocation,
        record_handler=lambda record: raise_if_told(read(record)),
        processor=processor,
        context=cast(Any, Context(30_000)),
    )


def of_router(invocation: Any) -> Any:
    router = Router(envelope=DYNAMODB if "dynamodb" in invocation["Records"][0] else None)

    @router.on("order.paid")
    def charge(do: str) -> None:
        raise_if_told(do)

    @router.on("INSERT")
    def on_insert(change: dict[str, Any]) -> None:
        raise_if_told(change["NewImage"]["do"])

    return lambda_handler(router)(invocation, Context(30_000))


@pytest.mark.parametrize("deeds", [DEEDS, ["a", "b"], ["a", "fail"]])
def test_of_a_standard_queue(deeds: list[str]) -> None:
    invocation = records(sqs_record(f"m-{n}", body(payload=do)) for n, do in enumerate(deeds))
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    theirs = of_powertools(processor, invocation, lambda record: record.json_body["payload"])

    assert of_router(invocation) == theirs


def test_of_a_fifo_queue() -> None:
    invocation = records(
        sqs_record(f"m-{n}-{group}", body(payload=do), group=group)
        for n, do in enumerate(DEEDS)
        for group in (("g-1", "g-2") if do != "fail" else ("g-1",))
    )
    processor = SqsFifoPartialProcessor(skip_group_on_error=True)

    theirs = of_powertools(processor, invocation, lambda record: record.json_body["payload"])

    assert of_router(invocation) == theirs
    assert len(theirs["batchItemFailures"]) == 4


def first_of(answer: PartialItemFailureResponse) -> PartialItemFailureResponse:
    """What Lambda takes from it of a stream, where it goes on from the lowest number."""
    return {
        "batchItemFailures": sorted(
            answer["batchItemFailures"], key=lambda failure: int(str(failure["itemIdentifier"]))
        )[:1]
    }


def test_of_kinesis() -> None:
    invocation = records(
        kinesis_record(f"{495_000 + n}", body(payload=do).encode()) for n, do in enumerate(DEEDS)
    )
    processor = BatchProcessor(EventType.KinesisDataStreams, raise_on_entire_batch_failure=False)

    theirs = of_powertools(
        processor, invocation, lambda record: record.kinesis.data_as_json()["payload"]
    )

    assert of_router(invocation) == first_of(theirs)


def test_of_a_dynamodb_stream() -> None:
    invocation = records(
        dynamodb_record(f"{495_000 + n}", {"do": {"S": do}}) for n, do in enumerate(DEEDS)
    )
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)

    theirs = of_powertools(processor, invocation, lambda record: record.dynamodb.new_image["do"])

    assert of_router(invocation) == first_of(theirs)


def test_the_samples_are_what_powertools_take_for_events_of_aws() -> None:
    sqs = next(SQSEvent(records([sqs_record("m-1", body(), group="g-1", deliveries=2)])).records)
    kinesis = next(KinesisStreamEvent(records([kinesis_record("1", b"{}")])).records)
    dynamodb = next(DynamoDBStreamEvent(records([dynamodb_record("1", {})])).records)
    sns = next(SNSEvent(records([sns_record("{}")])).records)
    bridge = EventBridgeEvent(eventbridge_event(state="terminated"))

    assert json.loads(sqs.body)["event_type"] == "order.paid"
    assert (sqs.attributes.approximate_receive_count, sqs.attributes.message_group_id) == (
        "2",
        "g-1",
    )
    assert b64decode(kinesis.kinesis.data) == b"{}"
    assert dynamodb.dynamodb is not None
    assert dynamodb.dynamodb.sequence_number == "1"
    assert sns.sns.message == "{}"
    assert bridge.detail == {"state": "terminated"}
