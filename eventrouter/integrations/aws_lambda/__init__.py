"""A router as an AWS Lambda function: SQS, SNS, EventBridge, Kinesis and DynamoDB streams."""

from eventrouter.integrations.aws_lambda.envelopes import DYNAMODB, EVENTBRIDGE
from eventrouter.integrations.aws_lambda.handler import (
    LambdaHandler,
    StillInProgress,
    lambda_handler,
)
from eventrouter.integrations.aws_lambda.invocations import UnknownInvocation

__all__ = [
    "DYNAMODB",
    "EVENTBRIDGE",
    "LambdaHandler",
    "StillInProgress",
    "UnknownInvocation",
    "lambda_handler",
]
