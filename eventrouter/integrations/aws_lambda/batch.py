"""The events of one invocation: in what order they run, and which are to come again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from eventrouter.integrations.aws_lambda.invocations import Item, Source
from eventrouter.integrations.aws_lambda.settling import Verdict

_TO_ANSWER: Final = 0.5  # seconds


def in_lanes(source: Source, items: Iterable[Item]) -> list[list[Item]]:
    """
    The events that must run one after the other, each as long as the one before is done with.

    Those of a stream are one lane, since Lambda goes on from the first that failed. Those of a
    FIFO queue are a lane for each group, and all others a lane each.
    """
    if source.is_stream:
        return [list(items)]
    lanes: list[list[Item]] = []
    of_group: dict[str, list[Item]] = {}
    for item in items:
        lane = [] if item.group is None else of_group.setdefault(item.group, [])
        if not lane:
            lanes.append(lane)
        lane.append(item)
    return lanes


class Batch:
    """
    What became of the events of one invocation so far.

    No event is begun that is not likely to end before Lambda stops the function: for which it is
    taken to need as long as the slowest so far. Lambda would deliver all of them again.

    Args:
        context: Lambda's context; None if all events are to be processed, however long that takes.

    Attributes:
        verdicts: What became of those that ended, by their place in the order they did.
    """

    def __init__(self, context: Any) -> None:
        self.verdicts: dict[int, Verdict] = {}
        self._context = context
        self._done: set[int] = set()
        self._started: dict[int, float] = {}
        self._slowest = 0.0

    def startable(self, lane: list[Item]) -> Iterator[Item]:
        """The events of a lane that are to run; each is to be ``ended`` before the next."""
        for item in lane:
            if not self._has_time():
                return
            self._started[id(item)] = time.monotonic()
            yield item
            if id(item) not in self._done:
                return

    def ended(self, item: Item, verdict: Verdict) -> None:
        """Note what became of an event."""
        self._slowest = max(self._slowest, time.monotonic() - self._started[id(item)])
        self.verdicts[id(item)] = verdict
        if verdict.is_done:
            self._done.add(id(item))

    def failures(self, items: Iterable[Item], *, is_stream: bool) -> list[dict[str, str]]:
        """
        What Lambda is told to deliver again, in the order it came.

        Of a stream, the first alone: Lambda goes on from there.
        """
        ids = dict.fromkeys(item.id for item in items if id(item) not in self._done)
        failures = [{"itemIdentifier": id} for id in ids]
        return failures[:1] if is_stream else failures

    def _has_time(self) -> bool:
        if self._context is None:
            return True
        left = self._context.get_remaining_time_in_millis() / 1_000
        return bool(left > self._slowest + _TO_ANSWER)
