"""The payloads as attrs classes, for eventrouter and cattrs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal

from attrs import field, fields, frozen, make_class, resolve_types


@frozen
class UserCreated:
    user_id: str
    username: str
    age: int


class Status(Enum):
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"


@frozen
class Line:
    sku: str
    quantity: int
    price: Decimal


@frozen
class OrderPlaced:
    order_id: str
    customer_id: int
    status: Status
    placed_at: datetime
    ship_by: datetime | None
    total: Decimal
    lines: list[Line]


@frozen
class User:
    login: str
    id: int
    type: Literal["User", "Organization", "Bot"]


@frozen
class Label:
    name: str
    color: str


@frozen
class Repository:
    full_name: str
    private: bool
    owner: User


@frozen
class Branch:
    ref: str
    sha: str
    repo: Repository | None


@frozen
class PullRequest:
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


@frozen
class PullRequestChanged:
    action: str
    number: int
    pull_request: PullRequest
    repository: Repository
    sender: User


def stripped(text: str) -> str:
    return text.strip()


def with_converter(cls: type[Any], converted: str) -> type[Any]:
    """A class of the same fields, one of which attrs converts."""
    resolve_types(cls)
    members: dict[str, Any] = {
        attribute.name: field(
            type=attribute.type, converter=stripped if attribute.name == converted else None
        )
        for attribute in fields(cls)
    }
    return make_class(f"Converted{cls.__name__}", members, frozen=True, slots=True)


#: The payload's type for each size of event.
TYPES: Final[dict[str, type[Any]]] = {
    "small": UserCreated,
    "medium": OrderPlaced,
    "large": PullRequestChanged,
}

#: The same with one field that attrs converts, so that no JSON parser alone can build them.
CONVERTED_TYPES: Final[dict[str, type[Any]]] = {
    "small": with_converter(UserCreated, "username"),
    "medium": with_converter(OrderPlaced, "order_id"),
    "large": with_converter(PullRequestChanged, "action"),
}
