"""How much is measured: enough to go by, or just enough to see that it works."""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Effort:
    """
    The size of a run.

    Args:
        rounds: How often each contender has its turn.
        turn: How many seconds a turn takes.
        processes: How often each program runs in a process of its own.
        routes: How many routes a router has, for the table of routes.
        sleeping: How many events have handlers that sleep, and how often all of them do.
        streamed: How many events go through ``dispatch_many`` for the table of memory.
        keys: How many keys a store remembers, for the table of stores.
        poisoned: How many good events a turn has for the table of poison, and how many turns.
        consumed: How many events are consumed from a broker, and how often by each consumer.
    """

    rounds: int
    turn: float
    processes: int
    routes: tuple[int, ...]
    sleeping: tuple[int, int]
    streamed: int
    keys: tuple[int, int]
    poisoned: tuple[int, int]
    consumed: tuple[int, int]


FULL: Final = Effort(
    rounds=60,
    turn=0.005,
    processes=9,
    routes=(10, 100, 1_000, 10_000, 100_000),
    sleeping=(10_000, 5),
    streamed=1_000_000,
    keys=(1_000, 1_000_000),
    poisoned=(50, 5),
    consumed=(20_000, 7),
)

QUICK: Final = Effort(
    rounds=3,
    turn=0.001,
    processes=1,
    routes=(10, 100),
    sleeping=(1_000, 1),
    streamed=20_000,
    keys=(100, 1_000),
    poisoned=(20, 1),
    consumed=(500, 1),
)
