"""Powertools for AWS Lambda: the batch processor, with a parser model for the body."""

# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any

from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType
from aws_lambda_powertools.utilities.parser.models import SqsRecordModel
from pydantic import Json, create_model

from benchmarks.contenders.contender import Contender, Seen, at_once, counting
from benchmarks.events import Sample
from benchmarks.payloads.models import EVENTS, TYPES
from benchmarks.rounds import Run, repeated


def make(sample: Sample, seen: Seen) -> Run:
    body: Any = Annotated[EVENTS[sample.size], Json]
    record_class: Any = create_model("Record", __base__=SqsRecordModel, body=body)
    processor = AsyncBatchProcessor(event_type=EventType.SQS, model=record_class)
    count = counting(TYPES[sample.size], seen)
    handlers = {sample.event_type: count}

    async def handle(record: Any) -> None:
        await handlers[record.body.event_type](record.body.payload)

    def record_of(raw: bytes) -> dict[str, Any]:
        return {
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": raw.decode(),
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185",
            },
            "messageAttributes": {},
            "md5OfBody": md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
            "awsRegion": "us-east-2",
        }

    md5 = hashlib.md5(sample.raw).hexdigest()

    async def dispatch(raw: bytes) -> None:
        # As async_process does, without the event loop that it starts for each batch.
        with processor([record_of(raw)], handle):
            await asyncio.gather(*map(processor._async_process_record, processor.records))

    return repeated(dispatch, sample.raw)


CONTENDERS = (
    Contender(
        "Lambda Powertools, batch of one",
        "framework",
        at_once(make),
        notes=(
            "the event as the body of an SQS record, whose other fields are read too",
            "a task for each record; a dict finds the handler",
        ),
    ),
)
