"""Before hooks, after hooks and middleware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from attrs import evolve

from eventrouter import (
    CallNext,
    Event,
    InvalidPayload,
    RegistrationError,
    Result,
    Router,
    Status,
    UnknownType,
)
from tests.events import PAYLOAD, Paid, raw_event

INVALID = raw_event(payload={"order": 1})
UNROUTED = raw_event("order.lost")


class Log:
    """What happened, in order, and hooks and handlers that write it down."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.errors: list[BaseException | None] = []

    def before(self, name: str) -> Callable[[Event[Any]], None]:
        return lambda event: self.lines.append(name)

    def after(self, name: str) -> Callable[[Event[Any], BaseException | None], None]:
        def hook(event: Event[Any], error: BaseException | None) -> None:
            self.lines.append(name)
            self.errors.append(error)

        return hook

    def middleware(self, name: str) -> Any:
        async def around(event: Event[Any], call_next: CallNext) -> Result:
            self.lines.append(f"{name} begins")
            result = await call_next(event)
            self.lines.append(f"{name} ends")
            return result

        return around

    def handler(self, name: str = "handler") -> Callable[[Paid], None]:
        def handle(paid: Paid) -> None:
            self.lines.append(name)

        return handle


def failing(event: Event[Any], error: BaseException | None = None) -> None:
    raise OSError("the hook failed")


def logging_router(log: Log) -> Router:
    router = Router()
    router.on("order.paid")(log.handler())
    return router


# Before


@pytest.mark.anyio
async def test_before_hooks_run_in_order_before_the_handlers() -> None:
    log = Log()
    router = logging_router(log)
    router.before(log.before("first"))
    router.before(log.before("second"))

    await router.dispatch(raw_event())

    assert log.lines == ["first", "second", "handler"]


@pytest.mark.anyio
async def test_an_async_before_hook_is_awaited() -> None:
    log = Log()
    router = logging_router(log)

    @router.before
    async def before(event: Event[Any]) -> None:
        await anyio.lowlevel.checkpoint()
        log.lines.append("before")

    await router.dispatch(raw_event())

    assert log.lines == ["before", "handler"]


@pytest.mark.anyio
async def test_a_before_hook_is_given_the_event_with_its_payload_raw() -> None:
    router = logging_router(Log())
    seen: list[Event[Any]] = []
    router.before(seen.append)

    await router.dispatch(raw_event(id="e-7"))

    assert (seen[0].id, seen[0].payload) == ("e-7", PAYLOAD)


@pytest.mark.anyio
async def test_if_a_before_hook_raises_no_handler_runs_and_after_hooks_do() -> None:
    log = Log()
    router = logging_router(log)
    router.before(failing)
    router.before(log.before("second"))
    router.after(log.after("after"))

    result = await router.process(raw_event())

    assert log.lines == ["after"]
    assert (result.status, result.handlers) == (Status.FAILED, ())
    assert isinstance(result.error, OSError)
    assert log.errors == [result.error]
    assert "failing" in result.error.__notes__[0]


# After


@pytest.mark.anyio
async def test_after_hooks_run_in_order_after_the_handlers_with_none_if_all_went_well() -> None:
    log = Log()
    router = logging_router(log)
    router.after(log.after("first"))
    router.after(log.after("second"))

    await router.dispatch(raw_event())

    assert log.lines == ["handler", "first", "second"]
    assert log.errors == [None, None]


@pytest.mark.anyio
async def test_an_after_hook_is_given_the_error_of_the_handler() -> None:
    log = Log()
    router = Router()
    router.on("order.paid")(failing)
    router.after(log.after("after"))

    result = await router.process(raw_event())

    assert isinstance(result.error, OSError)
    assert log.errors == [result.error]


@pytest.mark.anyio
async def test_an_after_hook_is_given_a_group_if_several_handlers_failed() -> None:
    router = Router()
    seen: list[BaseException | None] = []

    @router.on("order.paid")
    async def first(paid: Paid) -> None:
        raise OSError

    @router.on("order.paid")
    async def second(paid: Paid) -> None:
        raise LookupError

    @router.after
    async def after(event: Event[Any], error: BaseException | None) -> None:
        seen.append(error)

    await router.process(raw_event())

    [group] = seen
    assert isinstance(group, ExceptionGroup)
    assert [type(error) for error in group.exceptions] == [OSError, LookupError]


@pytest.mark.anyio
async def test_an_after_hook_that_raises_makes_the_result_failed_and_the_next_run() -> None:
    log = Log()
    router = logging_router(log)
    router.after(failing)
    router.after(log.after("second"))

    result = await router.process(raw_event())

    assert log.lines == ["handler", "second"]
    assert (result.status, type(result.error)) == (Status.FAILED, OSError)
    assert result.handlers[0].error is None


@pytest.mark.anyio
async def test_the_errors_of_a_handler_and_of_an_after_hook_are_both_raised() -> None:
    router = Router()
    router.after(failing)

    @router.on("order.paid")
    async def handle(paid: Paid) -> None:
        raise LookupError

    with pytest.raises(ExceptionGroup) as caught:
        await router.dispatch(raw_event())

    assert [type(error) for error in caught.value.exceptions] == [LookupError, OSError]


# Events that no handler can take


@pytest.mark.parametrize(("raw", "error"), [(UNROUTED, UnknownType), (INVALID, InvalidPayload)])
@pytest.mark.anyio
async def test_all_hooks_and_middleware_see_an_event_that_no_handler_can_take(
    raw: bytes, error: type[Exception]
) -> None:
    log = Log()
    router = logging_router(log)
    router.middleware(log.middleware("middleware"))
    router.before(log.before("before"))
    router.after(log.after("after"))

    result = await router.process(raw)

    assert log.lines == ["middleware begins", "before", "after", "middleware ends"]
    assert [type(seen) for seen in log.errors] == [type(result.error)] == [error]


@pytest.mark.parametrize(
    ("raw", "status"), [(UNROUTED, Status.UNROUTED), (INVALID, Status.INVALID)]
)
@pytest.mark.anyio
async def test_the_error_of_an_event_stands_and_a_hook_s_error_is_a_note_on_it(
    raw: bytes, status: Status
) -> None:
    router = logging_router(Log())
    router.after(failing)

    result = await router.process(raw)

    assert result.status is status
    assert result.error is not None
    assert result.error.__notes__ == ["besides, OSError was raised: the hook failed"]


@pytest.mark.anyio
async def test_nothing_sees_what_is_no_event() -> None:
    log = Log()
    router = logging_router(log)
    router.middleware(log.middleware("middleware"))
    router.before(log.before("before"))
    router.after(log.after("after"))

    await router.process(b"{")

    assert log.lines == []


# Middleware


@pytest.mark.anyio
async def test_the_first_middleware_registered_is_the_outermost() -> None:
    log = Log()
    router = logging_router(log)
    router.middleware(log.middleware("outer"))
    router.middleware(log.middleware("inner"))
    router.before(log.before("before"))
    router.after(log.after("after"))

    await router.dispatch(raw_event())

    assert log.lines == [
        "outer begins",
        "inner begins",
        "before",
        "handler",
        "after",
        "inner ends",
        "outer ends",
    ]


@pytest.mark.anyio
async def test_middleware_sees_what_became_of_the_handlers_instead_of_an_error() -> None:
    router = Router()
    router.on("order.paid")(failing)
    seen: list[Result] = []

    @router.middleware
    async def around(event: Event[Any], call_next: CallNext) -> Result:
        seen.append(await call_next(event))
        return seen[0]

    with pytest.raises(OSError, match="the hook failed"):
        await router.dispatch(raw_event())

    assert seen[0].status is Status.FAILED


@pytest.mark.anyio
async def test_middleware_may_answer_with_a_result_of_its_own() -> None:
    log = Log()
    router = logging_router(log)

    @router.middleware
    async def skip(event: Event[Any], call_next: CallNext) -> Result:
        return Result(Status.DUPLICATE, event)

    raw = raw_event()
    result = await router.dispatch(raw)

    assert log.lines == []
    assert (result.status, result.raw) == (Status.DUPLICATE, raw)


@pytest.mark.anyio
async def test_middleware_may_pass_on_another_payload_and_it_is_built() -> None:
    router = Router()

    @router.on("order.paid")
    async def handle(event: Event[Paid]) -> Paid:
        return event.payload

    @router.middleware
    async def fix(event: Event[Any], call_next: CallNext) -> Result:
        return await call_next(event.with_payload({"order": "o-2", "cents": 1}))

    result = await router.dispatch(INVALID)

    assert result.handlers[0].value == Paid("o-2", 1)


@pytest.mark.anyio
async def test_middleware_may_pass_on_other_metadata_and_it_is_routed_by_them() -> None:
    router = Router()

    @router.on("order.paid", version="v2")
    async def handle(event: Event[Paid]) -> str | None:
        return event.version

    @router.middleware
    async def stamp(event: Event[Any], call_next: CallNext) -> Result:
        return await call_next(evolve(event, metadata={"version": "v2"}))

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == "v2"


@pytest.mark.anyio
async def test_middleware_may_call_the_rest_again() -> None:
    router = Router()
    tries: list[int] = []

    @router.on("order.paid")
    async def handle(paid: Paid) -> int:
        tries.append(len(tries))
        if len(tries) == 1:
            raise OSError
        return len(tries)

    @router.middleware
    async def again(event: Event[Any], call_next: CallNext) -> Result:
        result = await call_next(event)
        return await call_next(event) if result.retryable else result

    result = await router.dispatch(raw_event())

    assert result.handlers[0].value == 2


@pytest.mark.anyio
async def test_middleware_that_returns_nothing_is_an_error_that_says_so() -> None:
    router = logging_router(Log())

    async def forgetful(event: Event[Any], call_next: CallNext) -> Any:
        await call_next(event)

    router.middleware(forgetful)

    result = await router.process(raw_event())

    assert result.status is Status.FAILED
    assert isinstance(result.error, RegistrationError)
    assert "forgetful" in str(result.error)
    assert "returned NoneType" in str(result.error)


@pytest.mark.anyio
async def test_middleware_that_raises_makes_the_result_failed() -> None:
    log = Log()
    router = logging_router(log)

    @router.middleware
    async def fail(event: Event[Any], call_next: CallNext) -> Result:
        raise OSError("no")

    result = await router.process(raw_event())

    assert log.lines == []
    assert (result.status, type(result.error)) == (Status.FAILED, OSError)


# What can't be one


@pytest.mark.parametrize("register", ["before", "after", "middleware"])
def test_a_hook_that_does_not_take_what_it_is_given_is_refused(register: str) -> None:
    async def hook(one: object, two: object, three: object) -> None: ...

    with pytest.raises(RegistrationError, match="must take"):
        getattr(Router(), register)(hook)


def test_middleware_that_is_not_async_is_refused() -> None:
    def around(event: Event[Any], call_next: CallNext) -> Any: ...

    with pytest.raises(RegistrationError, match="must be async"):
        Router().middleware(around)


# Of included routers


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.anyio
async def test_hooks_and_middleware_of_an_included_router_run_around_its_own_handlers(
    concurrent: bool,
) -> None:
    log = Log()
    router, inner = Router(concurrent=concurrent), Router()
    for of, name in ((router, "outer"), (inner, "inner")):
        of.middleware(log.middleware(f"{name} middleware"))
        of.before(log.before(f"{name} before"))
        of.after(log.after(f"{name} after"))
    inner.on("paid")(log.handler())
    router.include(inner, prefix="order.")

    await router.dispatch(raw_event())

    assert log.lines == [
        "outer middleware begins",
        "outer before",
        "inner middleware begins",
        "inner before",
        "handler",
        "inner after",
        "inner middleware ends",
        "outer after",
        "outer middleware ends",
    ]


@pytest.mark.anyio
async def test_hooks_of_an_included_router_do_not_see_events_of_others() -> None:
    log = Log()
    router, inner = logging_router(log), Router()
    inner.before(log.before("inner before"))
    inner.on("sent")(log.handler("inner"))
    router.include(inner, prefix="order.")

    await router.dispatch(raw_event())

    assert log.lines == ["handler"]


@pytest.mark.anyio
async def test_if_a_before_hook_of_an_included_router_raises_the_others_handlers_run() -> None:
    log = Log()
    inner, router = logging_router(log), Router()
    inner.before(failing)
    router.include(inner)
    router.on("order.paid")(log.handler("outer"))

    result = await router.process(raw_event())

    assert log.lines == ["outer"]
    assert isinstance(result.error, OSError)


@pytest.mark.anyio
async def test_after_hooks_of_an_included_router_see_the_errors_of_its_own_handlers_only() -> None:
    log = Log()
    inner, router = logging_router(log), Router()
    inner.after(log.after("inner after"))
    router.include(inner)
    router.on("order.paid")(failing)
    router.after(log.after("outer after"))

    result = await router.process(raw_event())

    assert log.lines == ["handler", "inner after", "outer after"]
    assert log.errors == [None, result.error]


@pytest.mark.anyio
async def test_hooks_of_an_included_router_see_its_invalid_events() -> None:
    log = Log()
    inner, router = logging_router(log), Router()
    inner.after(log.after("inner after"))
    router.include(inner)

    result = await router.process(INVALID)

    assert log.errors == [result.error]


@pytest.mark.anyio
async def test_middleware_of_an_included_router_may_pass_on_another_payload() -> None:
    inner, router = Router(), Router()

    @inner.on("order.paid")
    async def handle(paid: Paid) -> Paid:
        return paid

    @router.on("order.paid")
    async def outer(paid: Paid) -> Paid:
        return paid

    @inner.middleware
    async def change(event: Event[Any], call_next: CallNext) -> Result:
        return await call_next(event.with_payload({"order": "o-2", "cents": 1}))

    router.include(inner)
    result = await router.dispatch(raw_event())

    assert [handler.value for handler in result.handlers] == [Paid("o-1", 995), Paid("o-2", 1)]


@pytest.mark.anyio
async def test_a_payload_that_middleware_of_an_included_router_spoils_is_invalid_for_it() -> None:
    log = Log()
    inner, router = logging_router(log), Router()

    @inner.middleware
    async def spoil(event: Event[Any], call_next: CallNext) -> Result:
        return await call_next(event.with_payload([]))

    router.include(inner)
    router.on("order.paid")(log.handler("outer"))
    result = await router.process(raw_event())

    assert log.lines == ["outer"]
    assert isinstance(result.error, InvalidPayload)


@pytest.mark.anyio
async def test_what_middleware_of_an_included_router_raises_is_an_error_beside_the_rest() -> None:
    log = Log()
    inner, router = logging_router(log), Router()

    @inner.middleware
    async def fail(event: Event[Any], call_next: CallNext) -> Result:
        await call_next(event)
        raise OSError("no")

    router.include(inner)
    router.on("order.paid")(log.handler("outer"))
    result = await router.process(raw_event())

    assert log.lines == ["handler", "outer"]
    assert len(result.handlers) == 2
    assert isinstance(result.error, OSError)


@pytest.mark.anyio
async def test_middleware_of_an_included_router_may_make_a_failure_good() -> None:
    inner, router = Router(), Router()
    inner.on("order.paid")(failing)

    @inner.middleware
    async def forgive(event: Event[Any], call_next: CallNext) -> Result:
        await call_next(event)
        return Result(Status.HANDLED, event)

    router.include(inner)

    assert (await router.dispatch(raw_event())).status is Status.HANDLED
