"""What comes out where something failed, was cancelled, or ends the program."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from eventrouter import (
    CallNext,
    ClaimLost,
    Event,
    EventError,
    EventLoopRunning,
    EventRouterError,
    EventTooLarge,
    HandlerPaused,
    HandlerResult,
    HandlerTimeout,
    InvalidPayload,
    InvalidSignature,
    Limits,
    MalformedEvent,
    MissingKey,
    MissingVersion,
    NeverEnded,
    NoExample,
    NotSetAside,
    PublishError,
    RegistrationError,
    Result,
    RetryAfter,
    Router,
    Status,
    StoreError,
    TooManyAbandoned,
    UnknownType,
    UnknownVersion,
    UnreadableLock,
    Unrecoverable,
    UnroutedEvent,
)
from eventrouter.errors import Mismatch
from tests.events import Paid, raw_event


class CardDeclined(Exception):
    """A handler's own error."""


def notes_of(error: BaseException | None) -> list[str]:
    return getattr(error, "__notes__", [])


def failing_router(*errors: Exception, concurrent: bool = False) -> Router:
    router = Router(concurrent=concurrent)

    def add(error: Exception) -> None:
        @router.on("order.paid")
        async def charge(paid: Paid) -> None:
            raise error

    for error in errors:
        add(error)
    return router


# What dispatch raises


@pytest.mark.anyio
async def test_dispatch_raises_the_handler_s_own_error() -> None:
    error = CardDeclined("no funds")

    with pytest.raises(CardDeclined) as caught:
        await failing_router(error).dispatch(raw_event())

    assert caught.value is error


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.anyio
async def test_a_note_says_which_event_and_which_handler(concurrent: bool) -> None:
    router = failing_router(CardDeclined(), concurrent=concurrent)

    with pytest.raises(CardDeclined) as caught:
        await router.dispatch(raw_event(id="e-7"))

    [note] = notes_of(caught.value)
    assert '"order.paid" with id "e-7"' in note
    assert "charge" in note


@pytest.mark.anyio
async def test_a_note_of_an_event_without_an_id_names_its_type_alone() -> None:
    with pytest.raises(CardDeclined) as caught:
        await failing_router(CardDeclined()).dispatch(raw_event())

    assert notes_of(caught.value)[0].endswith('handled "order.paid"')


@pytest.mark.anyio
async def test_control_characters_of_an_event_are_escaped_in_a_note() -> None:
    with pytest.raises(CardDeclined) as caught:
        await failing_router(CardDeclined()).dispatch(raw_event(id="e\n\x1b[31m"))

    assert r'"e\n\x1b[31m"' in notes_of(caught.value)[0]


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.anyio
async def test_dispatch_raises_a_group_where_several_handlers_failed(concurrent: bool) -> None:
    errors = CardDeclined("no funds"), OSError("no network")
    router = failing_router(*errors, concurrent=concurrent)

    with pytest.raises(ExceptionGroup) as caught:
        await router.dispatch(raw_event())

    assert caught.value.exceptions == errors


def test_dispatch_sync_raises_what_dispatch_does() -> None:
    with pytest.raises(CardDeclined) as caught:
        failing_router(CardDeclined()).dispatch_sync(raw_event(id="e-7"))

    assert '"order.paid" with id "e-7"' in notes_of(caught.value)[0]


@pytest.mark.anyio
async def test_an_error_raised_over_and_over_does_not_gather_notes_without_end() -> None:
    error = CardDeclined()
    router = failing_router(error)

    for number in range(1000):
        await router.process(raw_event(id=f"e-{number}"))

    assert 1 <= len(notes_of(error)) <= 16


@pytest.mark.anyio
async def test_an_error_raised_again_for_one_event_is_noted_once() -> None:
    error = CardDeclined()
    router = failing_router(error)

    for _ in range(3):
        await router.process(raw_event(id="e-7"))

    assert len(notes_of(error)) == 1


# What process returns


@pytest.mark.anyio
async def test_process_returns_what_dispatch_would_raise() -> None:
    errors = CardDeclined("no funds"), OSError("no network")

    result = await failing_router(*errors).process(raw_event())

    assert (result.status, result.ok) == (Status.FAILED, False)
    assert isinstance(result.error, ExceptionGroup)
    assert tuple(handler.error for handler in result.handlers) == errors


@pytest.mark.anyio
async def test_a_result_says_what_became_of_each_handler() -> None:
    router = Router()

    @router.on("order.paid")
    async def charge(paid: Paid) -> int:
        return paid.cents

    raw = raw_event(id="e-7")
    result = await router.process(raw)

    [handler] = result.handlers
    assert handler.handler.startswith(f"{__name__}.")
    assert handler.handler.endswith(".charge")
    assert (handler.value, handler.error, handler.attempts) == (995, None, 1)
    assert handler.elapsed >= 0
    assert (result.status, result.error, result.raw) == (Status.HANDLED, None, raw)
    assert result.event is not None
    assert (result.event.id, result.event.payload["cents"]) == ("e-7", 995)


EVENT_ERRORS: dict[str, tuple[bytes, Status, type[EventError]]] = {
    "malformed": (b"{", Status.MALFORMED, MalformedEvent),
    "without a type": (b"{}", Status.MALFORMED, MalformedEvent),
    "too large": (b" " * 2000, Status.MALFORMED, EventTooLarge),
    "of an unknown type": (raw_event("order.lost"), Status.UNROUTED, UnknownType),
    "of an unknown version": (raw_event(version="v9"), Status.UNROUTED, UnknownVersion),
    "without a version": (raw_event(), Status.UNROUTED, MissingVersion),
    "turned down": (raw_event("order.sent"), Status.UNROUTED, UnroutedEvent),
    "invalid": (raw_event(payload=[], version="v1"), Status.INVALID, InvalidPayload),
}


def choosy_router() -> Router:
    router = Router(limits=Limits(max_bytes=1000))

    @router.on("order.paid", version="v1")
    @router.on("order.sent", where={"carrier": "post"})
    async def handle(paid: Paid) -> None: ...

    return router


@pytest.mark.parametrize("name", EVENT_ERRORS)
@pytest.mark.anyio
async def test_an_event_at_fault_is_a_status_of_its_own_and_not_retryable(name: str) -> None:
    raw, status, error = EVENT_ERRORS[name]

    result = await choosy_router().process(raw)

    assert (result.status, type(result.error)) == (status, error)
    assert (result.handlers, result.raw) == ((), raw)
    assert not result.ok
    assert not result.retryable


@pytest.mark.parametrize("name", EVENT_ERRORS)
@pytest.mark.anyio
async def test_dispatch_raises_the_error_of_the_event(name: str) -> None:
    raw, _, error = EVENT_ERRORS[name]

    with pytest.raises(error) as caught:
        await choosy_router().dispatch(raw)

    assert type(caught.value) is error


@pytest.mark.parametrize("name", EVENT_ERRORS)
def test_process_sync_says_the_same(name: str) -> None:
    raw, status, error = EVENT_ERRORS[name]

    result = choosy_router().process_sync(raw)

    assert (result.status, type(result.error)) == (status, error)


@pytest.mark.anyio
async def test_an_ignored_event_is_ok_and_no_error() -> None:
    result = await Router(unrouted="ignore").dispatch(raw_event())

    assert (result.status, result.error) == (Status.IGNORED, None)
    assert result.ok
    assert not result.retryable


@pytest.mark.parametrize(
    ("result", "ok", "retryable"),
    [
        (Result(Status.HANDLED, None), True, False),
        (Result(Status.DUPLICATE, None), True, False),
        (Result(Status.IN_PROGRESS, None), False, True),
        (Result(Status.FAILED, None, (), CardDeclined()), False, True),
        (Result(Status.FAILED, None, (), MalformedEvent("")), False, False),
        (
            Result(Status.FAILED, None, (), ExceptionGroup("", [OSError(), MalformedEvent("")])),
            False,
            False,
        ),
        (Result(Status.FAILED, None, (), ExceptionGroup("", [OSError()])), False, True),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Result) else str(value),
)
def test_a_result_is_ok_or_retryable_by_its_status_and_error(
    result: Result, ok: bool, retryable: bool
) -> None:
    assert (result.ok, result.retryable) == (ok, retryable)


@pytest.mark.anyio
async def test_an_error_whose_text_can_t_be_made_is_reported_all_the_same() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise CardDeclined

    router = failing_router(Broken())

    @router.after
    def fail(event: Event[Any], error: BaseException | None) -> None:
        raise Broken

    assert isinstance((await router.process(raw_event())).error, ExceptionGroup)
    unrouted = await router.process(raw_event("order.lost"))
    assert isinstance(unrouted.error, UnknownType)
    assert "besides, Broken was raised" in notes_of(unrouted.error)


# Cancellation


def add_waiting(router: Router, cancel: Callable[[], None]) -> None:
    @router.on("order.paid")
    async def wait(paid: Paid) -> None:
        cancel()
        await anyio.sleep_forever()


def lone(cancel: Callable[[], None]) -> Router:
    router = Router()
    add_waiting(router, cancel)
    return router


def several(cancel: Callable[[], None]) -> Router:
    router = lone(cancel)

    @router.on("order.paid")
    async def next_one(paid: Paid) -> None:
        pytest.fail("the cancelled handler's next ran")

    return router


def concurrent(cancel: Callable[[], None]) -> Router:
    router = Router(concurrent=True)
    add_waiting(router, cancel)
    return router


def several_concurrent(cancel: Callable[[], None]) -> Router:
    router = concurrent(cancel)

    @router.on("order.paid")
    async def next_one(paid: Paid) -> None:
        await anyio.sleep_forever()

    return router


def within_middleware(cancel: Callable[[], None]) -> Router:
    router = lone(cancel)

    @router.middleware
    async def around(event: Event[Any], call_next: CallNext) -> Result:
        return await call_next(event)

    return router


def included(cancel: Callable[[], None]) -> Router:
    router = Router()
    router.include(within_middleware(cancel))
    return router


EVERY_SHAPE = pytest.mark.parametrize(
    "shape", [lone, several, concurrent, several_concurrent, within_middleware, included]
)


@EVERY_SHAPE
@pytest.mark.anyio
async def test_a_cancellation_passes_through(
    shape: Callable[[Callable[[], None]], Router],
) -> None:
    returned = False

    with anyio.CancelScope() as scope:
        await shape(scope.cancel).process(raw_event())
        returned = True

    assert scope.cancelled_caught
    assert not returned


@EVERY_SHAPE
@pytest.mark.anyio
async def test_after_hooks_see_the_cancellation_and_may_still_wait(
    shape: Callable[[Callable[[], None]], Router],
) -> None:
    seen: list[BaseException | None] = []

    with anyio.CancelScope() as scope:
        router = shape(scope.cancel)

        @router.after
        async def note(event: Event[Any], error: BaseException | None) -> None:
            await anyio.lowlevel.checkpoint()
            seen.append(error)

        await router.process(raw_event())

    assert [type(error) for error in seen] == [anyio.get_cancelled_exc_class()]


@pytest.mark.anyio
async def test_an_after_hook_that_is_cancelled_does_not_stop_the_next() -> None:
    router = Router(unrouted="ignore")
    seen: list[BaseException | None] = []

    with anyio.CancelScope() as scope:

        @router.after
        async def wait(event: Event[Any], error: BaseException | None) -> None:
            scope.cancel()
            await anyio.sleep_forever()

        @router.after
        async def note(event: Event[Any], error: BaseException | None) -> None:
            await anyio.lowlevel.checkpoint()
            seen.append(error)

        await router.process(raw_event())

    assert scope.cancelled_caught
    assert [type(error) for error in seen] == [anyio.get_cancelled_exc_class()]


@pytest.mark.anyio
async def test_an_after_hook_that_raises_does_not_hide_the_cancellation() -> None:
    with anyio.CancelScope() as scope:
        router = lone(scope.cancel)

        @router.after
        def fail(event: Event[Any], error: BaseException | None) -> None:
            raise OSError

        await router.process(raw_event())

    assert scope.cancelled_caught


@pytest.mark.anyio
async def test_a_deadline_within_a_handler_is_its_own_error() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(paid: Paid) -> None:
        with anyio.fail_after(0):
            await anyio.sleep_forever()

    assert isinstance((await router.process(raw_event())).error, TimeoutError)


@pytest.mark.parametrize("is_concurrent", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_a_handler_that_is_cancelled_stays_cancelled(count: int, is_concurrent: bool) -> None:
    """In asyncio something may be cancelled without a scope: then no result may say handled."""
    router = Router(concurrent=is_concurrent)

    @router.on("order.paid")
    async def handle(paid: Paid) -> None:
        task = asyncio.ensure_future(anyio.sleep_forever())
        task.cancel()
        await task

    if count == 2:

        @router.on("order.paid")
        async def next_one(paid: Paid) -> None: ...

    with pytest.raises(asyncio.CancelledError):
        anyio.run(router.process, raw_event(), backend="asyncio")


# What ends the program


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_concurrent", [False, True])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("thread", [False, True])
def test_what_ends_the_program_passes_through(
    interruption: type[BaseException],
    is_concurrent: bool,
    count: int,
    thread: bool,
    anyio_backend: str,
) -> None:
    router = Router(concurrent=is_concurrent)
    seen: list[type[Any]] = []

    if count == 2:

        @router.on("order.paid")
        async def other(paid: Paid) -> None: ...

    @router.on("order.paid", thread=thread)
    def stop(paid: Paid) -> None:
        raise interruption

    @router.after
    def note(event: Event[Any], error: BaseException | None) -> None:
        seen.append(type(error))

    with pytest.raises(interruption):
        anyio.run(router.process, raw_event(), backend=anyio_backend)

    assert seen == [interruption]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_passes_through_process_sync(
    interruption: type[BaseException],
) -> None:
    router = Router()
    seen: list[type[Any]] = []

    @router.on("order.paid")
    def stop(paid: Paid) -> None:
        raise interruption

    @router.after
    def note(event: Event[Any], error: BaseException | None) -> None:
        seen.append(type(error))

    with pytest.raises(interruption):
        router.process_sync(raw_event())

    assert seen == [interruption]


# Errors cross processes

MISMATCH = Mismatch("$.cents", "integer", 'string "9"')

ERRORS: list[Exception] = [
    EventRouterError("something"),
    RegistrationError("a handler"),
    EventLoopRunning("a loop"),
    StoreError("events.db: there is no space left for it"),
    EventError("an event"),
    MalformedEvent("not JSON"),
    EventTooLarge("over max_bytes"),
    UnroutedEvent("order.paid", "v1"),
    UnroutedEvent("order.paid", None),
    UnknownType("order.pad", "v1", "order.paid"),
    UnknownType("order.pad"),
    UnknownVersion("order.paid", "v3", ["v1", "v2"]),
    MissingVersion("order.paid", ["v1", "v2"]),
    InvalidPayload("order.paid", "Paid", [MISMATCH]),
    InvalidSignature("the header X is missing"),
    HandlerTimeout("shop.charge", 2.5),
    HandlerPaused("shop.charge", 30),
    NoExample("nothing fits its schema"),
    RetryAfter(30),
    TooManyAbandoned(10),
    UnreadableLock("it is no JSON"),
    Unrecoverable("the card was declined"),
    StoreError("events.db: the disk is full"),
    PublishError("order.shipped", "e-1", "Queue raised ConnectionError"),
    NeverEnded(5),
    ClaimLost("shop.charge", 60),
    MissingKey("order.paid"),
    NotSetAside("neither handled nor set aside", [OSError("no network")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_after_pickling(error: Exception) -> None:
    error.add_note("while it was handled")

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert repr(copy.args) == repr(error.args)


def test_every_error_is_pickled_here() -> None:
    def with_subclasses(error: type[Exception]) -> set[type[Exception]]:
        below = (with_subclasses(subclass) for subclass in error.__subclasses__())
        return {error}.union(*below)

    own = {
        error
        for error in with_subclasses(EventRouterError)
        if error.__module__ == EventRouterError.__module__
    }
    assert {type(error) for error in ERRORS} == own


@pytest.mark.anyio
async def test_a_result_with_its_event_is_the_same_after_pickling() -> None:
    router = failing_router(OSError("no network"))

    result = await router.process(raw_event(id="e-7"))
    copy: Result = pickle.loads(pickle.dumps(result))

    assert (copy.status, copy.event, copy.raw) == (result.status, result.event, result.raw)
    assert [type(handler) for handler in copy.handlers] == [HandlerResult]
    assert notes_of(copy.error) == notes_of(result.error)
