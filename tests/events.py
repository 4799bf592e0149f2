"""Events to dispatch, and a payload to build from them."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen


@frozen
class Paid:
    order: str
    cents: int


PAYLOAD = {"order": "o-1", "cents": 995}
PAID = Paid("o-1", 995)


def raw_event(type: str = "order.paid", payload: Any = PAYLOAD, **metadata: str) -> bytes:
    return json.dumps({"event_type": type, "payload": payload, "metadata": metadata}).encode()
