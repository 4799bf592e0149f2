"""Invocations in the shapes that AWS documents, and Lambda's context."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from attrs import define

QUEUE = "arn:aws:sqs:us-east-2:123456789012:my-queue"
STREAM = "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"
TABLE = "arn:aws:dynamodb:us-east-2:123456789012:table/ExampleTable/stream/2024-06-10T19:26:16.525"
TOPIC = "arn:aws:sns:us-east-2:123456789012:sns-lambda"


def body(type: str = "order.paid", payload: Any = None, id: str = "e-1") -> str:
    return json.dumps({"event_type": type, "payload": payload, "metadata": {"id": id}})


def sqs_record(
    id: str,
    body: str,
    *,
    group: str | None = None,
    deliveries: int = 1,
    attributes: dict[str, dict[str, str]] | None = None,
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    of_group = {
        "SequenceNumber": "18849496460467696128",
        "MessageGroupId": group,
        "MessageDeduplicationId": f"dedup-{id}",
    }
    return {
        "messageId": id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(deliveries),
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185",
            **(of_group if group is not None else {}),
        },
        "messageAttributes": attributes or {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE if group is None else f"{QUEUE}.fifo",
        "awsRegion": "us-east-2",
    }


def sns_record(message: str, id: str = "95df01b4-ee98-5cb9-9903-4c221d41eb5e") -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html"""
    return {
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{TOPIC}:21be56ed-a058-49f5-8c98-aedd2564c486",
        "EventSource": "aws:sns",
        "Sns": {
            "SignatureVersion": "1",
            "Timestamp": "2019-01-02T12:45:07.000Z",
            "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j...65r==",
            "SigningCertURL": "https://sns.us-east-2.amazonaws.com/SimpleNotificationService.pem",
            "MessageId": id,
            "Message": message,
            "MessageAttributes": {
                "Test": {"Type": "String", "Value": "TestString"},
                "TestBinary": {"Type": "Binary", "Value": "VGVzdEJpbmFyeQ=="},
            },
            "Type": "Notification",
            "UnsubscribeUrl": "https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe",
            "TopicArn": TOPIC,
            "Subject": "TestInvoke",
        },
    }


def kinesis_record(sequence: str, data: bytes, partition: str = "1") -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html"""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition,
            "sequenceNumber": sequence,
            "data": b64encode(data).decode(),
            "approximateArrivalTimestamp": 1545084650.987,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000006:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
        "awsRegion": "us-east-2",
        "eventSourceARN": STREAM,
    }


def dynamodb_record(sequence: str, image: dict[str, Any], name: str = "INSERT") -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html"""
    return {
        "eventID": f"id-of-{sequence}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-2",
        "dynamodb": {
            "ApproximateCreationDateTime": 1718047576,
            "Keys": {"Id": {"N": "101"}},
            "NewImage": image,
            "SequenceNumber": sequence,
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": TABLE,
    }


def eventbridge_event(
    type: str = "EC2 Instance State-change Notification", **detail: Any
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html"""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": type,
        "source": "aws.ec2",
        "account": "111122223333",
        "time": "2017-12-22T18:43:48Z",
        "region": "us-west-1",
        "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
        "detail": detail,
    }


def records(of: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"Records": list(of)}


def failures(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": id} for id in ids]}


@define
class Context:
    """Lambda's context, of which each look at the time that is left takes some of it."""

    milliseconds: int
    each_look: int = 0

    def get_remaining_time_in_millis(self) -> int:
        self.milliseconds -= self.each_look
        return self.milliseconds
