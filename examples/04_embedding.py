"""One router in a running async application, and in a plain script."""

import asyncio
from collections.abc import AsyncIterator

from attrs import frozen

from eventrouter import Router


@frozen
class StockLow:
    product: str
    left: int


router = Router(concurrent=True)


@router.on("stock.low")
async def reorder(stock: StockLow) -> str:
    await asyncio.sleep(0)  # a call to a supplier
    return f"reordered {stock.product}"


@router.on("stock.low", where=lambda event: event.payload.get("left") == 0)
def hide(stock: StockLow) -> str:
    return f"hid {stock.product}"


async def incoming() -> AsyncIterator[bytes]:
    """What a queue, a socket or a webhook would give."""
    for left in (2, 0):
        yield b'{"event_type": "stock.low", "payload": {"product": "tea", "left": %d}}' % left
    yield b'{"event_type": "stock.low", "payload": {"product": "tea"}}'


async def application() -> None:
    """An application whose event loop runs already."""
    async for result in router.dispatch_many(
        incoming(), concurrency=10, ordered_by=lambda e: e.type
    ):
        print(result.status, [handler.value for handler in result.handlers], result.error or "")


def script() -> None:
    """A script, a WSGI application or a Lambda function: no event loop of its own."""
    result = router.dispatch_sync(
        {"event_type": "stock.low", "payload": {"product": "mugs", "left": 9}}
    )
    print(result.status, result.handlers[0].value)


asyncio.run(application())
script()

# Output:
# handled ['reordered tea']
# handled ['reordered tea', 'hid tea']
# invalid [] the payload of "stock.low" is no StockLow: $.left: expected a value, got nothing
# handled reordered mugs
