"""The payloads as pydantic models, and the events around them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel

from benchmarks.payloads.classes import Status


class UserCreated(BaseModel):
    user_id: str
    username: str
    age: int


class Line(BaseModel):
    sku: str
    quantity: int
    price: Decimal


class OrderPlaced(BaseModel):
    order_id: str
    customer_id: int
    status: Status
    placed_at: datetime
    ship_by: datetime | None
    total: Decimal
    lines: list[Line]


class User(BaseModel):
    login: str
    id: int
    type: Literal["User", "Organization", "Bot"]


class Label(BaseModel):
    name: str
    color: str


class Repository(BaseModel):
    full_name: str
    private: bool
    owner: User


class Branch(BaseModel):
    ref: str
    sha: str
    repo: Repository | None


class PullRequest(BaseModel):
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


class PullRequestChanged(BaseModel):
    action: str
    number: int
    pull_request: PullRequest
    repository: Repository
    sender: User


class Metadata(BaseModel):
    source: str
    version: Literal["v1"]


class UserCreatedEvent(BaseModel):
    event_type: Literal["user.created"]
    timestamp: datetime
    payload: UserCreated
    metadata: Metadata


class OrderPlacedEvent(BaseModel):
    event_type: Literal["order.placed"]
    timestamp: datetime
    payload: OrderPlaced
    metadata: Metadata


class PullRequestEvent(BaseModel):
    event_type: Literal["pull_request.labeled"]
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
