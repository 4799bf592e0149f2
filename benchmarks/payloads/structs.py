"""The payloads as msgspec Structs, and the events around them in one pass."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from msgspec import Struct

from benchmarks.payloads.classes import Status


class UserCreated(Struct, frozen=True):
    user_id: str
    username: str
    age: int


class Line(Struct, frozen=True):
    sku: str
    quantity: int
    price: Decimal


class OrderPlaced(Struct, frozen=True):
    order_id: str
    customer_id: int
    status: Status
    placed_at: datetime
    ship_by: datetime | None
    total: Decimal
    lines: list[Line]


class User(Struct, frozen=True):
    login: str
    id: int
    type: Literal["User", "Organization", "Bot"]


class Label(Struct, frozen=True):
    name: str
    color: str


class Repository(Struct, frozen=True):
    full_name: str
    private: bool
    owner: User


class Branch(Struct, frozen=True):
    ref: str
    sha: str
    repo: Repository | None


class PullRequest(Struct, frozen=True):
    title: str
    state: Literal["open", "closed"]
    user: User
    body: str | None
    created_at: datetime
    merged_at: datetime | None
    draft: bool
    changed_files: int
    labels: list[Label]
    head: Branch
    base: Branch


class PullRequestChanged(Struct, frozen=True):
    action: str
    number: int
    pull_request: PullRequest
    repository: Repository
    sender: User


class Metadata(Struct, frozen=True):
    source: str
    version: Literal["v1"]


class UserCreatedEvent(Struct, frozen=True, tag_field="event_type", tag="user.created"):
    timestamp: datetime
    payload: UserCreated
    metadata: Metadata


class OrderPlacedEvent(Struct, frozen=True, tag_field="event_type", tag="order.placed"):
    timestamp: datetime
    payload: OrderPlaced
    metadata: Metadata


class PullRequestEvent(Struct, frozen=True, tag_field="event_type", tag="pull_request.labeled"):
    timestamp: datetime
    payload: PullRequestChanged
    metadata: Metadata


#: The payload's type for each size of event.
TYPES: Final[dict[str, type[Any]]] = {
    "small": UserCreated,
    "medium": OrderPlaced,
    "large": PullRequestChanged,
}

#: The whole event's type for each size of event.
EVENTS: Final[dict[str, type[Any]]] = {
    "small": UserCreatedEvent,
    "medium": OrderPlacedEvent,
    "large": PullRequestEvent,
}
