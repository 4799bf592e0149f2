"""How often an event failed, which JetStream does not tell from how often it was delivered."""

from __future__ import annotations

import json
from typing import Any

from attrs import asdict, evolve, frozen
from nats.js.errors import NotFoundError

_LONGEST = 30 * 86_400.0  # seconds that a count is kept of an event that is not tried again


@frozen
class Count:
    """
    How often an event was given back.

    Attributes:
        failed: How often since it failed.
        spared: How often without a fault of its own.
        suspected: How often it ended its process while it was processed alone.
    """

    failed: int = 0
    spared: int = 0
    suspected: int = 0

    @property
    def once_suspected(self) -> Count:
        """The count if the process ends now, by the fault of this event."""
        return evolve(self, suspected=self.suspected + 1)

    def attempts(self, deliveries: int, most_unsure: int) -> int:
        """
        How many of the deliveries count as attempts.

        An event that was delivered and never ended may have stood beside the one that is at fault,
        or not even have come: before 2.10.15 the server counts a delivery for which it then finds
        no receiver (https://github.com/nats-io/nats-server/pull/5338).

        Args:
            deliveries: How often it was delivered.
            most_unsure: How many of those at most may count for which it may not be at fault.
        """
        unsure = deliveries - 1 - self.spared - self.failed - self.suspected
        return 1 + self.failed + self.suspected + min(max(unsure, 0), most_unsure)

    def one_more(self, *, charge: bool) -> Count:
        """The count after it was given back once more."""
        if charge:
            return evolve(self, failed=self.failed + 1)
        return evolve(self, spared=self.spared + 1)


NONE = Count()


class Counts:
    """
    The counts of one consumer, in a key-value bucket beside it.

    Only events that are tried again have one; it is asked for when they are.

    Args:
        jetstream: The context of JetStream.
        bucket: The bucket's name.
    """

    def __init__(self, jetstream: Any, bucket: str) -> None:
        self._jetstream = jetstream
        self._stream = stream_of(bucket)
        self._prefix = f"$KV.{bucket}."

    async def make(self) -> None:
        """Make the bucket."""
        await self._jetstream.add_stream(
            name=self._stream,
            subjects=[f"{self._prefix}>"],
            storage="file",
            retention="limits",
            discard="new",
            max_msgs_per_subject=1,
            max_age=_LONGEST,
            allow_rollup_hdrs=True,
            allow_direct=True,
            deny_delete=True,
        )

    async def find(self, sequence: str) -> Count:
        """The count of an event, by its place in the stream."""
        try:
            found = await self._jetstream.get_last_msg(
                self._stream, self._prefix + sequence, direct=True
            )
        except NotFoundError:
            return NONE
        kept = json.loads(found.data)
        return Count(kept["failed"], kept["spared"], kept["suspected"])

    async def keep(self, sequence: str, count: Count) -> None:
        """Keep a count; once this returns, it is on the server."""
        await self._jetstream.publish(
            self._prefix + sequence, json.dumps(asdict(count)).encode(), stream=self._stream
        )

    async def forget(self, sequence: str) -> None:
        """Delete a count."""
        await self._jetstream.purge_stream(self._stream, subject=self._prefix + sequence)


def stream_of(bucket: str) -> str:
    """The stream that a bucket is, by the convention of NATS."""
    return f"KV_{bucket}"
