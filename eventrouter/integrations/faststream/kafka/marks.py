"""
What is kept beside an offset in Kafka, which counts neither deliveries nor failures.

A group commits offsets with a text of its own. Here it tells of the event at the offset how often
it failed, and how often it was begun and did not end. What ends its process is found by that: while
all goes well an event is begun without a word, so a process that dies may have been at any event
behind the last offset. Who has the partition then tells of each event before it is begun, for a
while; and of one that was not ended twice that it is processed alone.
"""

from __future__ import annotations

import json
from typing import Final

from attrs import asdict, evolve, field, frozen
from attrs.validators import ge, instance_of

from eventrouter.processing import SUSPICIOUS

_LONGEST: Final = 1000  # characters that are looked at
_count = field(default=0, validator=[instance_of(int), ge(0)])


@frozen
class Mark:
    """
    What is known of the event at an offset.

    Attributes:
        failed: How often it failed.
        unsure: How often it was begun and did not end, beside others or perhaps not at all.
        alone: How often it did not end while it was processed alone.
    """

    failed: int = _count
    unsure: int = _count
    alone: int = _count

    @property
    def attempts(self) -> int:
        """How often it was begun before, as far as it can be blamed for."""
        return self.failed + self.alone + min(self.unsure, SUSPICIOUS)

    @property
    def once_begun(self) -> Mark:
        """The mark, if the event is begun now and does not end."""
        return evolve(self, unsure=self.unsure + 1)

    @property
    def once_suspected(self) -> Mark:
        """The mark, if it is begun alone now and does not end."""
        return evolve(self, alone=self.alone + 1)

    @property
    def once_failed(self) -> Mark:
        """The mark after one more failure."""
        return evolve(self, failed=self.failed + 1)

    @property
    def text(self) -> str:
        """What is committed."""
        return json.dumps({"eventrouter": asdict(self)})


CLEAN: Final = Mark()
#: Of what comes next in a partition that a process works on: it may have been begun.
RUNNING: Final = CLEAN.once_begun


def mark_of(text: str | None) -> Mark:
    """The mark that was committed; a clean one if something else was."""
    try:
        return Mark(**json.loads((text or "")[:_LONGEST])["eventrouter"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return CLEAN
