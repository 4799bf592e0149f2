"""Having FastStream's own loop take what it would leave: what is due again, and what was left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, cast
from uuid import uuid4

from faststream.redis.message import RedisStreamMessage
from redis.exceptions import ResponseError

from eventrouter.integrations.faststream.redis import fields
from eventrouter.integrations.faststream.redis.taking import Taken

#: Takes for a consumer, so many at most, what is not new.
TakeDue: TypeAlias = Callable[[str, int], Awaitable[list[Taken]]]


class _Again(dict[bytes, bytes]):
    """The fields of an entry that was taken before, which FastStream hands on as they are."""

    taken: Taken


def join(subscriber: Any, take_due: TakeDue, make_group: Callable[[], Awaitable[None]]) -> None:
    """
    Have FastStream's loop take what is due before what is new, and read all that it takes.

    Args:
        subscriber: Of a stream, not started yet.
        take_due: Takes it.
        make_group: Called if there is no such group any more.
    """
    # Its own way of reading, again and again for each start.
    read = partial(cast(Any, type(subscriber))._xreadgroup, subscriber)

    async def read_due_first(*, count: int, block: int | None, noack: bool = False) -> Any:
        stream = subscriber.stream_sub
        due = await take_due(stream.consumer, count)
        if due:
            return ((stream.name.encode(), [(taken.id.encode(), _again(taken)) for taken in due]),)
        try:
            return await read(count=count, block=block, noack=noack)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await make_group()
            return ()

    async def parse(message: Any) -> RedisStreamMessage:
        # FastStream's own fails for fields that are no text, before anybody could set them aside.
        parsed = fields.read(message["data"])
        headers, new_id = parsed.headers, str(uuid4())
        return RedisStreamMessage(
            raw_message=message,
            body=parsed.body,
            headers=headers,
            reply_to=headers.get("reply_to", ""),
            content_type=headers.get("content-type"),
            message_id=headers.get("message_id", new_id),
            correlation_id=headers.get("correlation_id", new_id),
            consumer=subscriber._client,
            group=subscriber.stream_sub.group,
        )

    subscriber._xreadgroup, subscriber._parser = read_due_first, parse


def taken_of(raw: Any) -> Taken:
    """What FastStream took, by its raw message."""
    data = raw["data"]
    return data.taken if isinstance(data, _Again) else Taken(raw["message_ids"][0].decode(), data)


def _again(taken: Taken) -> _Again:
    data = _Again(taken.fields)
    data.taken = taken
    return data
