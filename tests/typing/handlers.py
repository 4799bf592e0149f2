"""What a type checker makes of decorated functions. Checked, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, assert_type

from attrs import frozen

from eventrouter import CallNext, Event, Metadata, Result, Router

router = Router()


@frozen
class UserCreated:
    user_id: str


@router.on("user.created", version="v1")
async def send_welcome(user: UserCreated) -> int:
    return len(user.user_id)


@router.on("user.created", where={"user_id": "1"}, thread=False)
def audit(event: Event[UserCreated], metadata: Metadata) -> str:
    assert_type(event.payload, UserCreated)
    assert_type(event.version, str | None)
    return metadata["source"]


@router.on("user.*", where=lambda event: event.source is not None)
def watch(event: Event) -> None:
    assert_type(event.payload, Any)


@frozen
class UserCreatedV2:
    user_id: int


@router.upcast("user.created", "v1", "v2")
def count_users(old: UserCreated) -> UserCreatedV2:
    return UserCreatedV2(int(old.user_id))


@router.upcast("user.created", "v0", "v1")
def rename(old: dict[str, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
    return {"user_id": old["id"]}, {"renamed": "yes"}


@router.on_any
def see(event: Event[Any]) -> None: ...


@router.on_any(thread=False)
def see_at_once(event: Event[Any]) -> None: ...


@router.fallback
async def keep(payload: Any) -> bytes:
    return b""


@router.on("user.moved")
def yield_events(user: UserCreated) -> Iterator[Event[int]]:
    yield Event.new("user.counted", 1)


@router.on("user.moved")
async def yield_events_later(user: UserCreated) -> AsyncIterator[Event[int]]:
    yield Event.new("user.counted", 1)


@router.before
def begin(event: Event[Any]) -> None: ...


@router.after
async def end(event: Event[Any], error: BaseException | None) -> None: ...


@router.middleware
async def around(event: Event[Any], call_next: CallNext) -> Result:
    return await call_next(event)


async def a_decorated_function_keeps_its_type() -> None:
    assert_type(await send_welcome(UserCreated("1")), int)
    assert_type(audit(Event.new("a", UserCreated("1")), {}), str)
    assert_type(await keep(None), bytes)
    assert_type(yield_events(UserCreated("1")), Iterator[Event[int]])
    assert_type(yield_events_later(UserCreated("1")), AsyncIterator[Event[int]])
    assert_type(count_users(UserCreated("1")), UserCreatedV2)
    assert_type(rename({}), tuple[dict[str, Any], Mapping[str, str]])
    assert_type(await router.dispatch(b""), Result)
    assert_type(router.dispatch_sync({"event_type": "a"}), Result)
    async for result in router.dispatch_many([b"", ("", {"a": "b"})], concurrency=2):
        assert_type(result, Result)


def a_method_can_be_registered() -> None:
    class Mailer:
        def send(self, user: UserCreated) -> None: ...

    send: Callable[[UserCreated], None] = router.on("user.created")(Mailer().send)
    send(UserCreated("1"))


def an_event_knows_its_payload() -> None:
    event = Event.new("user.created", UserCreated("1"), version="v1")
    assert_type(event, Event[UserCreated])
    assert_type(event.with_payload(1), Event[int])
    assert_type(event.original, Event[Any])
