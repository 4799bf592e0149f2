"""Events that a handler gives: kept with its key, and published although the broker was away."""

from collections.abc import Iterator
from typing import Any

import anyio
from attrs import frozen

from eventrouter import Event, Headers, Outbox, Router, SqliteStore


@frozen
class Order:
    order: str
    lines: list[str]


@frozen
class Packed:
    order: str
    line: str


class Loopback:
    """Publishes to the router itself, as a broker would bring the events back."""

    is_away = True

    async def publish(self, event: Event[Any], raw: bytes, headers: Headers) -> None:
        if self.is_away:
            self.is_away = False
            raise ConnectionError("the broker is away")
        status = (await router.dispatch(raw, headers)).status
        print(f"published {event.type}, caused by {event.metadata['causation_id']}: {status}")


store = SqliteStore("events.db")
publisher = Loopback()
router = Router(idempotency=store, publisher=publisher)


@router.on("order.paid")
def pack(order: Order) -> Iterator[Event[Packed]]:
    for line in order.lines:
        yield Event.new("order.packed", Packed(order.order, line))
    print(f"packed {order.order}")


@router.on("order.packed")
async def label(packed: Packed, event: Event[Packed]) -> None:
    print(f"label for {packed.line}, of the story {event.metadata['correlation_id']}")


async def main() -> None:
    paid = Order("o-1", ["tea", "cup"])
    raw, headers = router.write(Event.new("order.paid", paid, id="evt_1"))
    outbox = Outbox(store, publisher)
    for _ in range(2):  # the sender did not see the answer
        print(f"order.paid: {(await router.dispatch(raw, headers)).status}")

    # What fails is logged, too. A program relays for as long as it runs.
    async with outbox.relaying() as relay:
        await relay.emptied()
    print(f"{(await outbox.count()).ready} left in the outbox")


anyio.run(main)

# Output:
# packed o-1
# order.paid: handled
# order.paid: duplicate
# label for tea, of the story evt_1
# published order.packed, caused by evt_1: handled
# label for cup, of the story evt_1
# published order.packed, caused by evt_1: handled
# 0 left in the outbox
