"""
The three events that every contender gets, as bytes, and what must come of them.

``pull_request.json`` is a real delivery of GitHub: the one with the action ``labeled`` among the
``ghes-35`` examples of the npm package ``@octokit/webhooks-examples`` 7.6.1 (MIT licence).
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from benchmarks.payloads.classes import TYPES, Status

VERSION: Final = "v1"
SOURCE: Final = "user_service"
TIMESTAMP: Final = "2024-08-20T05:21:19.143357839Z"


@frozen
class Sample:
    """
    One event, and the payload that a handler must get.

    Args:
        size: The event's name in tables: small, medium or large.
        event_type: Its type.
        payload: Its payload as JSON.
        expected: The payload's fields as a typed payload has them, nested ones as dicts.
    """

    size: str
    event_type: str
    payload: bytes
    expected: dict[str, Any]

    @property
    def raw(self) -> bytes:
        """The event in the envelope that eventrouter reads by default."""
        metadata = json.dumps({"source": SOURCE, "version": VERSION})
        return (
            f'{{"event_type": "{self.event_type}", "timestamp": "{TIMESTAMP}", '
            f'"payload": {self.payload.decode()}, "metadata": {metadata}}}'
        ).encode()


def fields_of(payload: Any) -> Any:
    """
    A typed payload's fields by name, whatever library its classes are made with.

    Raises:
        TypeError: If it is, or has in it, a dict, which nothing made a typed payload of.
    """
    cls: Any = type(payload)
    if hasattr(cls, "__attrs_attrs__"):
        names = [attribute.name for attribute in cls.__attrs_attrs__]
    elif hasattr(cls, "__struct_fields__"):
        names = list(cls.__struct_fields__)
    elif hasattr(cls, "__pydantic_fields__"):
        names = list(cls.__pydantic_fields__)
    elif isinstance(payload, list):
        return [fields_of(item) for item in payload]
    elif isinstance(payload, dict):
        raise TypeError(f"a dict is no typed payload: {payload}")
    else:
        return payload
    return {name: fields_of(getattr(payload, name)) for name in names}


def _user_created() -> Sample:
    user = {"user_id": "12345", "username": "johndoe", "age": 42}
    return Sample("small", "user.created", json.dumps(user).encode(), user)


def _order_placed() -> Sample:
    lines: list[dict[str, Any]] = [
        {"sku": f"tea-{number:03}", "quantity": number, "price": Decimal(f"{number}.50")}
        for number in range(1, 11)
    ]
    order = {
        "order_id": "o-2024-000017",
        "customer_id": 4711,
        "status": Status.PAID,
        "placed_at": datetime.fromisoformat("2024-08-20T05:21:19.143357Z"),
        "ship_by": datetime.fromisoformat("2024-08-22T18:00:00+02:00"),
        "total": sum((line["quantity"] * line["price"] for line in lines), Decimal()),
        "lines": lines,
    }
    return Sample("medium", "order.placed", json.dumps(order, default=_as_json).encode(), order)


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value.value if isinstance(value, Status) else value)


def _pull_request_labeled() -> Sample:
    delivery = (Path(__file__).parent / "pull_request.json").read_bytes().strip()
    tree = json.loads(delivery)
    request = tree["pull_request"]

    def taken(source: dict[str, Any], *names: str, **others: Any) -> dict[str, Any]:
        return {name: source[name] for name in names} | others

    def user(source: dict[str, Any]) -> dict[str, Any]:
        return taken(source, "login", "id", "type")

    def repository(source: dict[str, Any]) -> dict[str, Any]:
        return taken(source, "full_name", "private", owner=user(source["owner"]))

    def branch(source: dict[str, Any]) -> dict[str, Any]:
        return taken(source, "ref", "sha", repo=repository(source["repo"]))

    expected = taken(
        tree,
        "action",
        "number",
        pull_request=taken(
            request,
            *("title", "state", "body", "merged_at", "draft", "changed_files"),
            user=user(request["user"]),
            created_at=datetime.fromisoformat(request["created_at"]),
            labels=[taken(label, "name", "color") for label in request["labels"]],
            head=branch(request["head"]),
            base=branch(request["base"]),
        ),
        repository=repository(tree["repository"]),
        sender=user(tree["sender"]),
    )
    return Sample("large", "pull_request.labeled", delivery, expected)


SAMPLES: Final = (_user_created(), _order_placed(), _pull_request_labeled())
SIZES: Final = tuple(TYPES)
