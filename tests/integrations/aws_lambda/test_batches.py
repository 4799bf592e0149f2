"""What is to be delivered again, and what is done with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from eventrouter import (
    DeadLetter,
    EventLoopRunning,
    Idempotency,
    MemoryStore,
    Router,
    Status,
    StoreError,
    Unrecoverable,
)
from eventrouter.contexts import driven
from eventrouter.integrations.aws_lambda import (
    EVENTBRIDGE,
    LambdaHandler,
    StillInProgress,
    lambda_handler,
)
from eventrouter.stores import make_key
from tests.integrations.aws_lambda.routers import Handled, Kind, handling
from tests.integrations.aws_lambda.samples import (
    Context,
    body,
    eventbridge_event,
    failures,
    kinesis_record,
    records,
    sns_record,
    sqs_record,
)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def handled(kind: Kind) -> Handled:
    return handling(kind)


@pytest.fixture(params=[1, 4])
def handler(request: pytest.FixtureRequest, handled: Handled) -> Iterator[LambdaHandler]:
    with closing(lambda_handler(handled.router, concurrency=request.param)) as handler:
        yield handler


def of_sqs(*messages: str, group: str | None = None, deliveries: int = 1) -> list[dict[str, Any]]:
    """Records whose ids are also what they are to do."""
    return [
        sqs_record(do, body(payload={"do": do.split()[0]}), group=group, deliveries=deliveries)
        for do in messages
    ]


# Standard queues


def test_of_a_standard_queue_only_what_failed_comes_again(
    handled: Handled, handler: LambdaHandler
) -> None:
    answer = handler(records(of_sqs("a", "fail 1", "b", "never 2", "c")))

    assert answer == failures("fail 1", "never 2")
    assert sorted(payload["do"] for payload in handled.payloads) == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["not JSON", "{}", body("order.sent"), ""])
def test_what_no_handler_can_take_comes_again_where_nothing_else_keeps_it(text: str) -> None:
    router = handling("sync").router

    assert lambda_handler(router)(records([sqs_record("m-1", text)])) == failures("m-1")


def test_what_is_ignored_by_choice_is_done() -> None:
    router = Router(unrouted="ignore")

    assert lambda_handler(router)(records([sqs_record("m-1", body())])) == failures()


# FIFO queues


def test_of_a_fifo_queue_a_group_stops_at_its_first_failure_and_others_go_on(
    handled: Handled, handler: LambdaHandler
) -> None:
    one, other = of_sqs("a", "fail 1", "b", "c", group="g-1"), of_sqs("d", "e", group="g-2")
    mixed = [one[0], other[0], one[1], one[2], other[1], one[3]]

    answer = handler(records(mixed))

    assert answer == failures("fail 1", "b", "c")
    assert sorted(payload["do"] for payload in handled.payloads) == ["a", "d", "e"]


def test_of_a_fifo_queue_a_group_goes_on_after_what_was_set_aside() -> None:
    handled, letters = handling("sync"), MemoryStore()
    handler = lambda_handler(handled.router, dead_letters=letters)

    assert handler(records(of_sqs("never 1", "a", group="g-1"))) == failures()
    assert handled.payloads == [{"do": "a"}]


# Streams


def test_of_a_stream_all_is_delivered_again_from_the_first_failure(
    handled: Handled, handler: LambdaHandler
) -> None:
    deeds = ["a", "fail", "b", "never"]
    batch = [
        kinesis_record(f"{49590338271490256608559692538361571095921575989136588898 + place}", raw)
        for place, raw in enumerate(body(payload={"do": do}).encode() for do in deeds)
    ]

    assert handler(records(batch)) == failures(batch[1]["kinesis"]["sequenceNumber"])
    assert handled.payloads == [{"do": "a"}]


# Those that Lambda retries itself


@pytest.mark.parametrize(
    "invocation",
    [records([sns_record(body(payload="fail"))]), eventbridge_event("order.paid", do="fail")],
    ids=["SNS", "EventBridge"],
)
def test_what_lambda_retries_itself_raises_what_went_wrong(kind: Kind, invocation: Any) -> None:
    envelope = EVENTBRIDGE if "detail" in invocation else None
    with (
        closing(lambda_handler(handling(kind, envelope=envelope).router)) as handler,
        pytest.raises(ConnectionError, match="the bank is away"),
    ):
        handler(invocation)


def test_several_that_failed_are_raised_together() -> None:
    several = [sns_record(body(payload=do), f"m-{do}") for do in ("fail", "a", "never")]
    handled = handling("sync")

    with pytest.raises(ExceptionGroup, match="2 events failed") as raised:
        lambda_handler(handled.router)(records(several))

    assert [type(error) for error in raised.value.exceptions] == [ConnectionError, Unrecoverable]
    assert handled.payloads == ["a"]


def test_what_was_handled_answers_nothing_there() -> None:
    handler = lambda_handler(handling("sync").router)

    assert handler(records([sns_record(body(payload="a"))])) is None


def test_what_another_delivery_is_processing_comes_again() -> None:
    store = MemoryStore()
    handled = handling("sync", idempotency=Idempotency(store))
    handler = lambda_handler(handled.router, dead_letters=store, attempts=1)
    [name] = (route.named.name for route in handled.router.routes())
    driven(store.claim(make_key(None, "e-1", name), 60))

    assert handler(records([sqs_record("m-1", body(), deliveries=9)])) == failures("m-1")
    with pytest.raises(StillInProgress, match="another delivery of the event is processing it"):
        handler(records([sns_record(body())]))


def test_a_message_that_is_delivered_again_is_a_duplicate(kind: Kind) -> None:
    handled = handling(kind, idempotency=MemoryStore())
    with closing(lambda_handler(handled.router)) as handler:
        for _ in range(2):
            assert handler(records([sqs_record("m-1", body(payload="a"))])) == failures()

    assert handled.payloads == ["a"]


# Dead letters


def letters_of(store: MemoryStore) -> tuple[DeadLetter, ...]:
    return driven(store.find_letters(oldest_first=True)).letters


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("not JSON", Status.MALFORMED),
        (body("order.sent"), Status.UNROUTED),
        (body(payload={"do": "never"}), Status.FAILED),
    ],
)
def test_what_no_delivery_can_help_is_set_aside_at_once(
    kind: Kind, text: str, status: Status
) -> None:
    store = MemoryStore()
    key: dict[str, Any] = {"key": {"stringValue": "k", "dataType": "String"}}
    handler = lambda_handler(handling(kind).router, dead_letters=store)

    with closing(handler):
        assert (
            handler(records([sqs_record("m-1", text, deliveries=2, attributes=key)])) == failures()
        )

    [letter] = letters_of(store)
    assert (letter.raw, letter.status, letter.attempts) == (text.encode(), status, 2)
    assert (letter.headers["key"], letter.headers["AWS.messageId"]) == ("k", "m-1")


def test_what_fails_is_set_aside_at_the_last_delivery(kind: Kind) -> None:
    store = MemoryStore()
    with closing(lambda_handler(handling(kind).router, dead_letters=store, attempts=3)) as handler:
        answers = [handler(records(of_sqs("fail", deliveries=count))) for count in (1, 2, 3)]

    assert answers == [failures("fail"), failures("fail"), failures()]
    [letter] = letters_of(store)
    assert (letter.attempts, letter.error) == (3, "builtins.ConnectionError")


def test_of_a_stream_what_may_yet_succeed_is_never_set_aside() -> None:
    """As records don't tell how often they were delivered."""
    store = MemoryStore()
    handler = lambda_handler(handling("sync").router, dead_letters=store, attempts=1)
    batch = [kinesis_record(do, body(payload=do).encode()) for do in ("never", "fail", "a")]

    assert handler(records(batch)) == failures("fail")
    assert [letter.error for letter in letters_of(store)] == ["eventrouter.errors.Unrecoverable"]


def test_a_router_with_dead_letters_sets_aside_at_the_first_delivery(kind: Kind) -> None:
    store, other = MemoryStore(), MemoryStore()
    handled = handling(kind, dead_letters=store)

    with closing(lambda_handler(handled.router, dead_letters=other)) as handler:
        assert handler(records(of_sqs("fail", "never"))) == failures()

    assert (len(letters_of(store)), len(letters_of(other))) == (2, 0)


class Full(MemoryStore):
    async def add_letter(self, letter: DeadLetter) -> str:
        raise StoreError("the disk is full")


@pytest.mark.parametrize("of_router", [True, False])
def test_what_can_not_be_set_aside_comes_again(kind: Kind, of_router: bool) -> None:
    handled = handling(kind, dead_letters=Full() if of_router else None)
    store = None if of_router else Full()

    with closing(lambda_handler(handled.router, dead_letters=store, attempts=1)) as handler:
        assert handler(records(of_sqs("never", "fail", "a"))) == failures("never", "fail")


def test_no_log_tells_a_value_of_the_payload(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.on("order.paid")
    def charge(order: dict[str, int]) -> None: ...

    lambda_handler(router)(records([sqs_record("m-1", body(payload={"card": "4111"}))]))

    assert "is invalid (InvalidPayload) at delivery 1 and is to be delivered again" in caplog.text
    assert "4111" not in caplog.text


# Time


def test_what_there_is_no_time_for_is_not_begun_and_comes_again(
    handled: Handled, handler: LambdaHandler
) -> None:
    answer = handler(records(of_sqs("a", "b", "c", "d")), Context(3_000, each_look=1_000))

    assert sorted(payload["do"] for payload in handled.payloads) == ["a", "b"]
    assert answer == failures("c", "d")


def test_without_time_nothing_is_begun(handled: Handled, handler: LambdaHandler) -> None:
    assert handler(records(of_sqs("a", "b")), Context(400)) == failures("a", "b")
    assert handled.payloads == []


def test_an_event_is_given_as_long_as_the_slowest_before() -> None:
    router, context = Router(), Context(30_000)

    @router.on("order.paid")
    def charge(order: Any) -> None:
        threading.Event().wait(0.02)
        context.milliseconds = 515  # which is not 0.02 s more than the answer needs

    assert lambda_handler(router)(records(of_sqs("a", "b")), context) == failures("b")


def test_what_lambda_retries_itself_is_processed_however_little_time_is_left() -> None:
    handled = handling("sync")

    lambda_handler(handled.router)(records([sns_record(body(payload="a"))]), Context(1))

    assert handled.payloads == ["a"]


# Event loops


def test_one_event_loop_serves_all_invocations() -> None:
    router, loops = Router(), list[Any]()

    @router.on("order.paid")
    async def charge(order: Any) -> None:
        loops.append(asyncio.get_running_loop())

    with closing(lambda_handler(router)) as handler:
        for _ in range(2):
            handler(records(of_sqs("a", "b")))

        assert len(set(loops)) == 1
        assert not loops[0].is_closed()
    assert loops[0].is_closed()


def test_the_event_loop_is_closed_when_the_function_is_gone() -> None:
    router, loops = Router(), list[Any]()

    @router.on("order.paid")
    async def charge(order: Any) -> None:
        loops.append(asyncio.get_running_loop())

    handler = lambda_handler(router)
    handler(records(of_sqs("a")))
    del handler

    assert loops[0].is_closed()


def test_sync_handlers_run_in_the_thread_of_the_function() -> None:
    router, threads = Router(), list[Any]()

    @router.on("order.paid")
    def charge(order: Any) -> None:
        threads.append(threading.current_thread())

    lambda_handler(router)(records(of_sqs("a")))

    assert threads == [threading.current_thread()]


def test_as_many_run_at_the_same_time_as_was_said() -> None:
    router, running, most = Router(), list[Any](), list[int]()

    @router.on("order.paid")
    async def charge(order: Any) -> None:
        running.append(order)
        await anyio.wait_all_tasks_blocked()
        most.append(len(running))
        running.remove(order)

    with closing(lambda_handler(router, concurrency=3)) as handler:
        handler(records([sqs_record(f"{n}", body(payload=n)) for n in range(10)]))

    assert max(most) == 3


def test_handlers_see_the_context_that_is_around_the_function(kind: Kind) -> None:
    trace: ContextVar[str] = ContextVar("trace", default="none")
    router, seen = Router(), list[str]()

    @router.middleware
    async def look(event: Any, call_next: Any) -> Any:
        seen.append(trace.get())
        return await call_next(event)

    with closing(lambda_handler(router)) as handler:
        for name in ("t-1", "t-2"):
            trace.set(name)
            handler(records(of_sqs("a")))

    assert seen == ["t-1", "t-2"]


@pytest.mark.anyio
async def test_inside_an_event_loop_it_is_refused(handler: LambdaHandler) -> None:
    with pytest.raises(EventLoopRunning):
        handler(records(of_sqs("a")))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_ends_the_program_ends_the_invocation(concurrency: int) -> None:
    router = Router()

    @router.on("order.paid")
    async def charge(order: Any) -> None:
        raise SystemExit(3)

    with (
        closing(lambda_handler(router, concurrency=concurrency)) as handler,
        pytest.raises(SystemExit),
    ):
        handler(records(of_sqs("a", "b")))
