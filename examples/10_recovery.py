"""A payment that is tried again, given up, set aside as a dead letter, and replayed."""

from typing import Any

import anyio
from attrs import frozen

from eventrouter import MemoryStore, Retry, Router, Unrecoverable

store = MemoryStore()  # SqliteStore("events.db") where it must outlive the process
router = Router(
    idempotency=store,
    dead_letters=store,
    retry=Retry(3, on=ConnectionError, wait=0),
)
bank = {"failures": 1}


@frozen
class Paid:
    order: str
    cents: int


@router.on("order.paid", version="v1")
async def charge(paid: Paid) -> None:
    if paid.cents < 0:
        raise Unrecoverable("a charge is never negative")
    if bank["failures"]:
        bank["failures"] -= 1
        raise ConnectionError("the bank does not answer")
    print(f"charged {paid.cents} cents for {paid.order}")


@router.on("order.paid", version="v1")
async def thank(paid: Paid) -> None:
    print(f"thanks for {paid.order}")


def event(order: str, cents: int) -> dict[str, Any]:
    return {
        "event_type": "order.paid",
        "payload": {"order": order, "cents": cents},
        "metadata": {"id": order, "source": "shop", "version": "v1"},
    }


async def deliver(order: str, cents: int) -> None:
    result = await router.process(event(order, cents))
    attempts = result.handlers[0].attempts
    print(f"{order}: {result.status}, attempts {attempts}, set aside: {bool(result.dead_letter)}")


async def main() -> None:
    await deliver("o-1", 995)
    await deliver("o-1", 995)  # the sender did not see the answer
    await deliver("o-2", -1)
    bank["failures"] = 99
    await deliver("o-3", 250)

    bank["failures"] = 0  # the bank is back
    for letter in (await store.find_letters(oldest_first=True)).letters:
        print(f"{letter.event_id} is a dead letter: {letter.message}")
        replayed = await router.replay(letter)
        print(f"{letter.event_id} again: {replayed.status}")


anyio.run(main)

# Output:
# charged 995 cents for o-1
# thanks for o-1
# o-1: handled, attempts 2, set aside: False
# o-1: duplicate, attempts 0, set aside: False
# thanks for o-2
# o-2: failed, attempts 1, set aside: True
# thanks for o-3
# o-3: failed, attempts 3, set aside: True
# o-2 is a dead letter: a charge is never negative
# o-2 again: failed
# o-3 is a dead letter: the bank does not answer
# charged 250 cents for o-3
# o-3 again: handled
