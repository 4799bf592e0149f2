"""An inbox: events are answered once they are on disk, and processed whatever ends the process."""

from typing import Any

import anyio
from attrs import frozen

from eventrouter import Inbox, Replay, Router, SqliteStore

router = Router()
bank = {"is_open": False}


@frozen
class Order:
    order_id: str
    cents: int


@router.on("order.paid")
async def book(order: Order) -> None:
    print(f"booked {order.order_id}")


@router.on("order.paid")
async def settle(order: Order) -> None:
    if not bank["is_open"]:
        raise ConnectionError("the bank is closed")
    print(f"settled {order.order_id}")


def event(order_id: str, cents: Any) -> dict[str, Any]:
    return {"event_type": "order.paid", "payload": {"order_id": order_id, "cents": cents}}


async def main() -> None:
    store = SqliteStore("events.db")
    inbox = Inbox(store, attempts=1)

    # Once this returns the event is on disk, and its sender can have an answer.
    await inbox.accept(event("o-1", 995), {"X-Request-Id": "7"})
    await inbox.accept(event("o-2", "much"))

    # What fails is logged, too: with its traceback, to standard error.
    async with inbox.workers(router, count=1) as workers:
        await workers.emptied()

    for letter in (await store.find_letters(oldest_first=True)).letters:
        print(f"dead letter {letter.id}: {letter.status}, {letter.message}")

    # The bank opens: what failed is tried again, and only the handler that failed.
    bank["is_open"] = True
    replay = Replay(router, store)
    for letter in (await store.find_letters(oldest_first=True)).letters:
        result = await replay.run(letter)
        print(f"dead letter {letter.id} again: {result.status}")
    print(f"{await store.count_letters()} dead letter is left")


anyio.run(main)

# Output:
# booked o-1
# dead letter 1: failed, the bank is closed
# dead letter 2: invalid, $.cents: expected integer
# settled o-1
# dead letter 1 again: handled
# dead letter 2 again: invalid
# 1 dead letter is left
