"""
A shop: its services say what happened, and these handlers act on it.

Eight event types, two of them in two versions that are both still sent. Everything a handler
does, it does to the books in memory, so that a run always ends the same:

    eventrouter dispatch examples.shop:router examples/events.ndjson
    eventrouter routes examples.shop:router
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import anyio.lowlevel
from attrs import Factory, define, frozen

from eventrouter import Event, Metadata, Router

router = Router()


# What the events say


class Currency(StrEnum):
    EUR = "EUR"
    USD = "USD"
    JPY = "JPY"


class Plan(StrEnum):
    FREE = "free"
    PLUS = "plus"


class Carrier(StrEnum):
    DHL = "dhl"
    UPS = "ups"
    POST = "post"


@frozen
class Money:
    amount: Decimal
    currency: Currency


@frozen
class Address:
    street: str
    city: str
    country: str
    postal_code: str | None = None


@frozen
class UserCreatedV1:
    user_id: str
    username: str


@frozen
class UserCreatedV2:
    user_id: str
    username: str
    email: str
    signed_up_at: datetime
    plan: Plan = Plan.FREE
    interests: list[str] = Factory(list)


@frozen
class LineV1:
    sku: str
    quantity: int
    unit_price: Decimal


@frozen
class OrderPlacedV1:
    order_id: str
    user_id: str
    lines: list[LineV1]


@frozen
class LineV2:
    sku: str
    quantity: int
    unit_price: Money
    options: dict[str, str] = Factory(dict)


@frozen
class OrderPlacedV2:
    order_id: str
    user_id: str
    lines: list[LineV2]
    ship_to: Address
    placed_at: datetime
    coupon: str | None = None


@frozen
class OrderPaid:
    order_id: str
    total: Money
    method: Literal["card", "transfer", "wallet"]
    card_last4: str | None = None


@frozen
class Parcel:
    tracking_code: str
    weight_kg: float
    skus: list[str]


@frozen
class OrderShipped:
    order_id: str
    carrier: Carrier
    parcels: list[Parcel]
    expected_at: datetime | None = None


@frozen
class PaymentFailed:
    order_id: str
    reason: Literal["card_declined", "insufficient_funds", "expired_card"]
    attempt: int


@frozen
class StockLow:
    sku: str
    warehouse: str
    remaining: int
    threshold: int


@frozen
class ReviewPosted:
    review_id: str
    sku: str
    stars: Literal[1, 2, 3, 4, 5]
    text: str
    photos: list[str] = Factory(list)


@frozen
class CartAbandoned:
    cart_id: str
    user_id: str | None
    skus: list[str]
    last_touched_at: datetime


# What the shop keeps


class CardDeclined(Exception):
    """Raised when the bank refuses to settle a payment."""


@define
class Books:
    """All the shop knows, in memory."""

    plan_of_user: dict[str, Plan] = Factory(dict)
    sold: Counter[str] = Factory(Counter)
    revenue: dict[Currency, Decimal] = Factory(dict)
    parcels: dict[str, list[str]] = Factory(dict)
    reorders: dict[tuple[str, str], int] = Factory(dict)
    stars: dict[str, list[int]] = Factory(dict)
    reminders: list[str] = Factory(list)
    seen_from: Counter[str] = Factory(Counter)


books = Books()
router.provide(Books, books)


# What it does


@router.on_any(thread=False)
def count_by_source(event: Event[Any]) -> None:
    books.seen_from[event.source or "unknown"] += 1


@router.on("user.created", version="v1")
async def welcome(user: UserCreatedV1) -> None:
    books.plan_of_user[user.user_id] = Plan.FREE


@router.on("user.created", version="v2")
async def welcome_to_plan(user: UserCreatedV2) -> None:
    books.plan_of_user[user.user_id] = user.plan


@router.on("user.created", version="v2", where={"plan": "plus"})
async def greet_personally(user: UserCreatedV2, books: Books) -> None:
    books.reminders.append(f"call {user.username} <{user.email}>")


@router.on("order.placed", version="v1")
def reserve(order: OrderPlacedV1) -> Decimal:
    for line in order.lines:
        books.sold[line.sku] += line.quantity
    return sum((line.unit_price * line.quantity for line in order.lines), Decimal(0))


@router.on("order.placed", version="v2")
def reserve_and_check_address(order: OrderPlacedV2, books: Books) -> None:
    if order.ship_to.country == "US" and order.ship_to.postal_code is None:
        raise ValueError(f"order {order.order_id} can't be shipped: a US address needs a ZIP code")
    for line in order.lines:
        books.sold[line.sku] += line.quantity


@router.on("order.paid", version="v1")
async def settle(payment: OrderPaid, books: Books) -> None:
    await anyio.lowlevel.checkpoint()  # where the bank would be asked
    if payment.card_last4 == "0002":
        raise CardDeclined(f"the bank declined the card ending in 0002 for {payment.order_id}")
    currency = payment.total.currency
    books.revenue[currency] = books.revenue.get(currency, Decimal(0)) + payment.total.amount


@router.on("order.paid", version="v1")
def write_invoice(event: Event[OrderPaid], metadata: Metadata) -> str:
    total = event.payload.total
    return f"{event.timestamp:%Y-%m-%d} {metadata['id']}: {total.amount} {total.currency}"


@router.on("order.shipped", version="v1")
async def announce(shipment: OrderShipped) -> None:
    codes = [parcel.tracking_code for parcel in shipment.parcels]
    books.parcels.setdefault(shipment.order_id, []).extend(codes)


@router.on("payment.failed", version="v1")
async def remind(failure: PaymentFailed) -> None:
    if failure.attempt < 3:
        books.reminders.append(f"pay {failure.order_id}: {failure.reason}")


@router.on("stock.low", version="v1")
def reorder(stock: StockLow) -> None:
    books.reorders[stock.warehouse, stock.sku] = 2 * stock.threshold - stock.remaining


@router.on("review.posted", version="v1")
async def rate(review: ReviewPosted) -> None:
    books.stars.setdefault(review.sku, []).append(review.stars)


@router.on("cart.abandoned", version="v1")
async def offer_help(cart: CartAbandoned) -> None:
    if cart.user_id is not None:
        books.reminders.append(f"{cart.user_id} left {len(cart.skus)} things behind")
