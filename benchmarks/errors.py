"""What it costs to refuse a payload, beside building a good one of the same size."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

from attrs import frozen

from eventrouter import Router

ROUNDS = 40


@frozen
class Line:
    sku: str
    price: int


@frozen
class Order:
    id: str
    lines: list[Line]


def order(lines: int, **wrong: Any) -> dict[str, Any]:
    line = {"sku": "tea", "price": 250, **wrong}
    return {"event_type": "order.placed", "payload": {"id": "o-1", "lines": [line] * lines}}


def main() -> None:
    router = Router()
    router.on("order.placed")(_take)
    for lines in (1, 10, 1_000):
        good, bad = order(lines), order(lines, price="x")
        calls = max(1, 2_000 // lines)
        times: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            times.append((seconds(router, good, calls), seconds(router, bad, calls)))
        fine, refused = (median(values) for values in zip(*times, strict=True))
        print(
            f"{lines:5} lines: good {fine * 1e6:9.1f} µs, all wrong {refused * 1e6:9.1f} µs, "
            f"{refused / fine:.1f} times"
        )


def seconds(router: Router, raw: dict[str, Any], calls: int) -> float:
    started = perf_counter()
    for _ in range(calls):
        router.process_sync(raw)
    return (perf_counter() - started) / calls


def _take(order: Order) -> None: ...


if __name__ == "__main__":
    main()
