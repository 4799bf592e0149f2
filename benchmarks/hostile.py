"""
Events made to be costly, each beside a good event of the same size in bytes.

A good event holds numbers, and text for the rest of its size. A hostile one over
``Limits.max_bytes`` is compared with the largest good one.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

from eventrouter import Limits
from tests.test_hostile import HOSTILE, ROUTER, reading

ROUNDS = 15
LIMIT = Limits().max_bytes


def good_event(size: int) -> bytes:
    """A good event of about that size: numbers, and text for the rest."""
    values = b",".join(b"%d" % number for number in range(max(1, min(size // 16, 50_000))))
    event = reading(b'{"values": [' + values + b'], "tags": {"a": ""}}')
    return event.replace(b'""', b'"' + b"t" * max(0, size - len(event)) + b'"')


def seconds(raw: bytes) -> float:
    started = perf_counter()
    ROUTER.process_sync(raw)
    return perf_counter() - started


def main() -> None:
    print(f"{'':44}{'hostile':>10}{'good':>12}   times")
    worst = 0.0
    for name, make in HOSTILE.items():
        hostile = make()
        good = good_event(min(len(hostile), LIMIT))
        times = [(seconds(hostile), seconds(good)) for _ in range(ROUNDS)]
        bad = median(one for one, _ in times)
        fine = median(other for _, other in times)
        worst = max(worst, bad / fine)
        print(f"{name:44}{bad * 1e3:8.2f} ms{fine * 1e3:9.2f} ms   {bad / fine:.2f}")
    print(f"the worst takes {worst:.1f} times what a good event of its size does")


if __name__ == "__main__":
    main()
