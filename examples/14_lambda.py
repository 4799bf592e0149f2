"""A Lambda function for a FIFO queue: what failed comes again, and its group with it."""

import json
import logging
from typing import Any

from attrs import frozen

from eventrouter import MemoryStore, Router
from eventrouter.integrations.aws_lambda import lambda_handler

logging.disable()  # what fails is logged, too
router = Router()
letters = MemoryStore()  # of one process; in earnest, one on a server


@frozen
class Order:
    order_id: str
    cents: int


@router.on("order.paid")
def settle(order: Order) -> None:
    if order.order_id == "o-2":
        raise ConnectionError("the bank is closed")
    print(f"settled {order.order_id}")


handler = lambda_handler(router, dead_letters=letters)


def message(id: str, customer: str, payload: Any) -> dict[str, Any]:
    """A record as SQS hands it to Lambda."""
    return {
        "messageId": id,
        "body": json.dumps({"event_type": "order.paid", "payload": payload}),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1545082649183",
            "MessageGroupId": customer,
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:orders.fifo",
    }


invocation = {
    "Records": [
        message("m-1", "ada", {"order_id": "o-1", "cents": 995}),
        message("m-2", "ada", {"order_id": "o-2", "cents": 995}),
        message("m-3", "bob", {"order_id": "o-3", "cents": "much"}),
        message("m-4", "ada", {"order_id": "o-4", "cents": 995}),
        message("m-5", "bob", {"order_id": "o-5", "cents": 995}),
    ]
}
print(handler(invocation))

# Output:
# settled o-1
# settled o-5
# {'batchItemFailures': [{'itemIdentifier': 'm-2'}, {'itemIdentifier': 'm-4'}]}
