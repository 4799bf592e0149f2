"""What was not handled is set aside as a dead letter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Literal

import anyio
import cattrs
import msgspec
import pytest
from attrs import field, frozen
from attrs.validators import matches_re
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from eventrouter import (
    CallNext,
    ClaimLost,
    DeadLetter,
    Event,
    Header,
    Idempotency,
    InvalidPayload,
    MappedEnvelope,
    MemoryStore,
    NotSetAside,
    RegistrationError,
    Result,
    Retry,
    RetryAfter,
    Router,
    Status,
    StoreError,
    Unrecoverable,
)
from eventrouter.integrations.http import wsgi
from eventrouter.stores import DeadLetterStore, HandlerOutcome, make_key
from eventrouter.testing import FakeClock, FakeSleep
from tests.events import Paid, raw_event
from tests.once.stores import AnyStore, Failing, Waiting, completing

pytestmark = pytest.mark.anyio

RAW = raw_event(id="e-7", version="v1")
HANDLERS = f"{__name__}."


def failing_router(error: Exception, **settings: Any) -> Router:
    router = Router(**settings)

    async def charge(paid: Paid) -> None:
        raise error

    charge.__qualname__ = "charge"
    router.on("order.paid")(charge)
    return router


async def only_letter(store: DeadLetterStore) -> DeadLetter:
    [letter] = (await store.find_letters()).letters
    return letter


# What is set aside


async def test_what_failed_is_set_aside_as_it_came(store: AnyStore) -> None:
    router = failing_router(OSError("no network"), dead_letters=store)
    router.on("order.paid")(completing("audit"))
    before = datetime.now(UTC)

    result = await router.process(RAW, {"X-Shop": "7"})

    letter = await only_letter(store)
    assert result.status is Status.FAILED
    assert result.dead_letter == letter.id
    assert not result.retryable
    assert not result.ok
    assert (letter.raw, letter.headers) == (RAW, {"X-Shop": "7"})
    assert before <= letter.received <= datetime.now(UTC)
    assert (letter.status, letter.error) == (Status.FAILED, "builtins.OSError")
    assert letter.message == "no network"
    assert "raise error" in letter.traceback
    assert (letter.type, letter.version, letter.event_id) == ("order.paid", "v1", "e-7")
    assert letter.attempts == 1
    assert letter.handlers == (
        HandlerOutcome(f"{HANDLERS}charge", 1, "builtins.OSError"),
        HandlerOutcome("tests.once.stores.audit", 1, None),
    )


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", Status.MALFORMED),
        (raw_event("order.lost"), Status.UNROUTED),
        (raw_event(payload={"order": 5}), Status.INVALID),
    ],
)
async def test_what_no_handler_can_take_is_set_aside(
    store: AnyStore, raw: bytes, status: Status
) -> None:
    router = failing_router(OSError(), dead_letters=store)

    result = await router.process(raw)

    letter = await only_letter(store)
    assert result.status is letter.status is status
    assert result.dead_letter == letter.id
    assert (letter.raw, letter.handlers) == (raw, ())


async def test_what_was_handled_or_ignored_is_not() -> None:
    store = MemoryStore()
    router = Router(dead_letters=store, unrouted="ignore")
    router.on("order.paid")(completing("charge"))

    for type in ("order.paid", "order.paid", "order.lost"):
        result = await router.process(raw_event(type))
        assert result.dead_letter is None

    assert await store.count_letters() == 0


async def test_a_poison_event_is_tried_as_often_as_declared_and_then_set_aside(
    store: AnyStore,
) -> None:
    retry = Retry(5, on=OSError)
    router = failing_router(OSError(), retry=retry, sleep=FakeSleep(), dead_letters=store)

    result = await router.process(RAW)

    letter = await only_letter(store)
    assert result.handlers[0].attempts == 5
    assert letter.attempts == 5
    assert letter.handlers[0].attempts == 5
    assert letter.raw == RAW


@pytest.mark.parametrize("error", [Unrecoverable("no funds"), RetryAfter(60)])
async def test_every_failure_past_the_last_attempt_is_set_aside(error: Exception) -> None:
    store = MemoryStore()

    result = await failing_router(error, dead_letters=store).process(RAW)

    assert result.dead_letter is not None
    assert result.retry_after is None


async def test_what_a_hook_or_middleware_raised_is_set_aside() -> None:
    store = MemoryStore()
    router = Router(dead_letters=store)
    router.on("order.paid")(completing("charge"))

    @router.middleware
    async def refuse(event: Event[Any], call_next: CallNext) -> Result:
        raise OSError("no network")

    await router.process(RAW)

    assert (await only_letter(store)).message == "no network"


async def test_dispatch_raises_with_a_note_that_names_the_letter(store: AnyStore) -> None:
    router = failing_router(OSError(), dead_letters=store)

    with pytest.raises(OSError) as caught:  # noqa: PT011
        await router.dispatch(RAW)

    letter = await only_letter(store)
    assert caught.value.__notes__[-1] == f"it is set aside as dead letter {letter.id}"


async def test_what_was_parsed_already_is_set_aside_as_json() -> None:
    store = MemoryStore()

    await failing_router(OSError(), dead_letters=store).process(json.loads(RAW))

    assert json.loads((await only_letter(store)).raw) == json.loads(RAW)


async def test_what_another_router_set_aside_is_not_set_aside_again() -> None:
    store = MemoryStore()
    inner = failing_router(OSError(), dead_letters=store)
    outer = Router(dead_letters=store)
    outer.on("order.paid")(completing("charge"))

    @outer.middleware
    async def hand_over(event: Event[Any], call_next: CallNext) -> Result:
        return await inner.process(RAW)

    result = await outer.process(RAW)

    assert result.dead_letter == (await only_letter(store)).id


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("is_ordered", [False, True])
async def test_dispatch_many_sets_aside_too(concurrency: int, is_ordered: bool) -> None:
    store = MemoryStore()
    router = failing_router(OSError(), dead_letters=store)

    async def events() -> AsyncIterator[Any]:
        for raw in (RAW, b"{"):
            yield raw, {"X-Shop": "7"}

    results = [
        result
        async for result in router.dispatch_many(
            events(),
            concurrency=concurrency,
            ordered_by=(lambda event: event.type) if is_ordered else None,
        )
    ]

    letters = (await store.find_letters()).letters
    assert {result.dead_letter for result in results} == {letter.id for letter in letters}
    assert {letter.raw for letter in letters} == {RAW, b"{"}
    assert all(letter.headers == {"X-Shop": "7"} for letter in letters)


async def test_a_cancelled_event_is_not_set_aside() -> None:
    store = MemoryStore()
    router = Router(dead_letters=store)

    @router.on("order.paid")
    async def wait(paid: Paid) -> None:
        tasks.cancel_scope.cancel()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        await router.process(RAW)

    assert await store.count_letters() == 0


# The text of a letter


async def test_values_of_the_payload_are_not_in_the_text() -> None:
    store = MemoryStore()
    router = failing_router(OSError(), dead_letters=store)

    await router.process(raw_event(payload={"order": "o-1", "cents": "4111 1111"}))

    letter = await only_letter(store)
    assert letter.message == "$.cents: expected integer"
    assert "4111" not in letter.message + letter.traceback


@frozen
class Card:
    number: str = field(validator=matches_re("[0-9]*"))


@frozen
class Number:
    number: int


class Model(BaseModel):
    number: int


class Checked(BaseModel):
    number: str

    @field_validator("number")
    @classmethod
    def refuse(cls, number: str) -> str:
        raise ValueError(f"{number} is no number")


async def seen(payload: Any) -> None: ...


def validated(router: Router) -> None:
    @router.on("order.paid")
    async def charge(card: Card) -> None: ...


def upcast(router: Router) -> None:
    @router.upcast("order.paid", "v1", "v2")
    def newer(old: dict[str, Any]) -> dict[str, Any]:
        return {"number": int(old["number"])}

    router.on("order.paid", version="v2")(seen)


def checked_by_pydantic(router: Router) -> None:
    @router.on("order.paid")
    async def charge(checked: Checked) -> None: ...


def built_by(build: Callable[[Any], Any]) -> Callable[[Router], None]:
    def register(router: Router) -> None:
        @router.on("order.paid")
        async def charge(payload: dict[str, Any]) -> None:
            try:
                build(payload)
            except OSError:
                raise
            except Exception as error:
                if payload.get("is_cause"):
                    raise OSError("no card") from error
                raise

    return register


@pytest.mark.parametrize("more", [{}, {"is_cause": True}])
@pytest.mark.parametrize(
    "register",
    [
        validated,
        upcast,
        checked_by_pydantic,
        built_by(lambda payload: cattrs.structure(payload, Number)),
        built_by(lambda payload: cattrs.structure(payload.values(), list[int])),
        built_by(Model.model_validate),
        built_by(lambda payload: msgspec.convert(payload["number"], Literal["4111"])),
    ],
)
async def test_nor_are_they_where_others_tell_them(
    register: Callable[[Router], None], more: dict[str, Any]
) -> None:
    store = MemoryStore()
    router = Router(dead_letters=store)
    register(router)

    await router.process(raw_event(payload={"number": "4222 x", **more}, version="v1"))

    letter = await only_letter(store)
    assert "4222" not in letter.message + letter.traceback
    assert letter.message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ('"4222"', "an event is a JSON object"),
        ('{"event_type": ["4222"]}', "event_type must be a string"),
        (
            '{"event_type": "a", "timestamp": "4222"}',
            "timestamp must be an RFC 3339 date-time with an offset, such as 2024-08-20T05:21:19Z",
        ),
        ('{"event_type": "a", "payload": 4222e999}', "not JSON: a number is beyond any float"),
    ],
)
async def test_nor_are_they_where_what_arrived_is_no_event(raw: str, message: str) -> None:
    store = MemoryStore()
    router = failing_router(OSError(), dead_letters=store)

    await router.process(raw)

    letter = await only_letter(store)
    assert letter.message == message
    assert "4222" not in letter.traceback


@pytest.mark.parametrize("is_cause", [True, False])
async def test_nor_are_they_where_a_handler_built_something_that_does_not_fit(
    is_cause: bool,
) -> None:
    store, inner = MemoryStore(), Router()
    router = Router(dead_letters=store)

    @inner.on("order.paid")
    def charge(paid: Paid) -> None: ...

    @router.on("order.seen")
    async def hand_over(payload: dict[str, Any]) -> None:
        try:
            await inner.dispatch({"event_type": "order.paid", "payload": payload})
        except InvalidPayload as error:
            raise OSError("no order") from (error if is_cause else None)

    router.on("order.seen")(failing_handler)

    await router.process(raw_event("order.seen", {"order": "o-1", "cents": "4111 1111"}))

    letter = await only_letter(store)
    assert "hand_over" in letter.traceback
    assert "no network" in letter.traceback
    assert "4111" not in letter.message + letter.traceback


async def failing_handler(payload: Any) -> None:
    raise OSError("no network")


async def test_errors_in_groups_are_told_one_by_one_however_deep_they_are() -> None:
    store = MemoryStore()
    group = ExceptionGroup("inner", [OSError("no network"), KeyError("cents")])
    for _ in range(3_000):
        group = ExceptionGroup("outer", [group])
    router = failing_router(group, dead_letters=store)

    await router.process(RAW)

    letter = await only_letter(store)
    assert letter.message == "outer (1 sub-exception)"
    assert letter.traceback == (
        "builtins.OSError:\nOSError: no network\n\nbuiltins.KeyError:\nKeyError: 'cents'\n"
    )


# Not yet


async def test_what_another_delivery_may_still_do_is_not_set_aside(
    store: AnyStore, clock: FakeClock
) -> None:
    router = failing_router(Unrecoverable(), idempotency=store, dead_letters=store)
    router.on("order.paid")(completing("audit"))
    await store.claim(make_key(None, "e-7", "tests.once.stores.audit"), 60)

    meanwhile = await router.process(RAW)
    clock.advance(61)
    later = await router.process(RAW)

    assert meanwhile.dead_letter is None
    assert meanwhile.retryable
    assert later.dead_letter is not None


async def test_what_could_not_be_claimed_is_not_set_aside() -> None:
    store = Failing(broken={"claim"})
    router = failing_router(OSError(), idempotency=store, dead_letters=store)

    result = await router.process(RAW)

    assert isinstance(result.error, StoreError)
    assert result.retryable
    assert await store.count_letters() == 0


async def test_what_lost_its_claim_is_not_set_aside() -> None:
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    router = Router(idempotency=Idempotency(store, lease=10), dead_letters=store)

    @router.on("order.paid")
    async def charge(paid: Paid) -> None:
        clock.advance(11)
        await store.claim(make_key(None, "e-7", f"{HANDLERS}{charge.__qualname__}"), 60)

    result = await router.process(RAW)

    assert isinstance(result.error, ClaimLost)
    assert result.dead_letter is None


async def test_the_handler_that_is_set_aside_gives_its_claim_up(store: AnyStore) -> None:
    router = failing_router(OSError(), idempotency=store, dead_letters=store)

    for _ in range(2):
        result = await router.process(RAW)
        assert result.handlers[0].attempts == 1


# A store that fails


@pytest.mark.parametrize("raw", [RAW, b"{"])
@pytest.mark.parametrize("error", [Unrecoverable("no funds"), OSError("no network")])
async def test_if_the_store_fails_the_event_stays_with_who_delivers_it(
    raw: bytes, error: Exception
) -> None:
    store = Failing(broken={"add_letter"})
    router = failing_router(error, dead_letters=store)

    result = await router.process(raw)

    assert result.status is Status.FAILED
    assert result.retryable
    assert result.dead_letter is None
    assert isinstance(result.error, NotSetAside)
    assert isinstance(result.error.exceptions[1], StoreError)


async def test_then_dispatch_raises_both_errors() -> None:
    router = failing_router(OSError("no network"), dead_letters=Failing(broken={"add_letter"}))
    caught: list[BaseException] = []

    try:
        await router.dispatch(RAW)
    except* OSError as group:
        caught += group.exceptions
    except* StoreError as group:
        caught += group.exceptions

    assert [str(error) for error in caught] == ["no network", "the disk is full"]


async def test_a_cancellation_waits_for_the_letter(store: AnyStore) -> None:
    scope, router = anyio.CancelScope(), Router(dead_letters=store)

    @router.on("order.paid")
    async def charge(paid: Paid) -> None:
        scope.cancel()
        raise OSError

    with scope:
        await router.process(RAW)

    assert (await only_letter(store)).error == "builtins.OSError"


# From sync code, and over HTTP


def test_it_works_without_an_event_loop(store: AnyStore) -> None:
    router = Router(dead_letters=store)

    result = router.process_sync(b"{", {"X-Shop": "7"})

    assert result.dead_letter is not None


def test_a_store_that_needs_an_event_loop_is_given_one() -> None:
    assert Router(dead_letters=Waiting()).process_sync(b"{").dead_letter is not None


def posted(router: Router, raw: bytes) -> tuple[str, dict[str, str], bytes]:
    """What an event is answered with over HTTP: status, headers, body."""
    answered: list[tuple[str, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], _: Any = None, /) -> Any:
        answered.append((status, dict(headers)))

    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(raw)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": BytesIO(raw),
    }
    body = b"".join(wsgi(router)(environ, start))
    [(status, headers)] = answered
    return status, headers, body


@pytest.mark.parametrize(
    ("raw", "is_kept", "expected", "retry_after"),
    [
        (RAW, True, "500 Internal Server Error", None),
        (b"{", True, "400 Bad Request", None),
        (raw_event("order.lost"), True, "422 Unprocessable Content", None),
        (RAW, False, "503 Service Unavailable", "30"),
        (b"{", False, "500 Internal Server Error", None),
    ],
)
def test_over_http_the_answer_is_that_of_the_table(
    raw: bytes, is_kept: bool, expected: str, retry_after: str | None
) -> None:
    router = Router(dead_letters=Failing(broken=set() if is_kept else {"add_letter"}))

    @router.on("order.paid", thread=False)
    def charge(paid: Paid) -> None:
        raise RetryAfter(30)

    status, headers, _ = posted(router, raw)

    assert status == expected
    assert headers.get("retry-after") == retry_after


def test_an_event_without_a_key_is_answered_as_the_sender_s_fault() -> None:
    router = Router(idempotency=MemoryStore())
    router.on("order.paid")(completing("charge"))

    status, _, body = posted(router, raw_event())

    assert status == "422 Unprocessable Content"
    assert b"nothing that tells it from others" in body


# Replay


class Mended:
    """A router of three handlers, of which two fail until it is mended."""

    def __init__(self, **settings: Any) -> None:
        self.router = Router(**settings)
        self.ran: list[str] = []
        self.is_mended = False
        for name in ("charge", "send", "audit"):
            self._add(name)

    def _add(self, name: str) -> None:
        def handle(paid: Paid) -> str:
            self.ran.append(name)
            if name != "audit" and not self.is_mended:
                raise OSError(name)
            return name

        handle.__qualname__ = name
        self.router.on("order.paid")(handle)


async def test_a_replay_runs_only_the_handlers_that_failed(store: AnyStore) -> None:
    shop = Mended(dead_letters=store)
    await shop.router.process(RAW)
    letter, shop.is_mended = await only_letter(store), True

    result = await shop.router.replay(letter)

    assert result.ok
    assert [handler.value for handler in result.handlers] == ["charge", "send"]
    assert result.raw == RAW
    assert shop.ran == ["charge", "send", "audit", "charge", "send"]


async def test_with_idempotency_a_replay_completes_what_failed(store: AnyStore) -> None:
    shop = Mended(idempotency=store, dead_letters=store)
    await shop.router.process(RAW)
    letter, shop.is_mended = await only_letter(store), True

    replayed = await shop.router.replay(letter)
    again = await shop.router.process(RAW)

    assert replayed.status is Status.HANDLED
    assert again.status is Status.DUPLICATE


async def test_a_replay_that_fails_says_so_and_writes_no_other_letter(store: AnyStore) -> None:
    shop = Mended(dead_letters=store)
    await shop.router.process(RAW)
    letter = await only_letter(store)

    result = await shop.router.replay(letter)

    assert result.status is Status.FAILED
    assert await only_letter(store) == letter


async def test_a_replay_runs_the_handlers_it_is_told_to() -> None:
    store = MemoryStore()
    shop = Mended(dead_letters=store)
    await shop.router.process(RAW)
    shop.ran.clear()

    await shop.router.replay(await only_letter(store), only=[f"{HANDLERS}audit"])

    assert shop.ran == ["audit"]


@pytest.mark.parametrize("only", ["shop.ship", ["shop.ship", f"{HANDLERS}send"]])
async def test_a_handler_that_is_not_there_is_said_before_any_runs(only: Any) -> None:
    store = MemoryStore()
    shop = Mended(dead_letters=store)
    await shop.router.process(RAW)
    letter = await only_letter(store)
    shop.ran.clear()

    with pytest.raises(
        RegistrationError, match=r'no handler "shop.ship" takes the event now; those'
    ):
        await shop.router.replay(letter, only=only)

    assert shop.ran == []


async def test_where_a_handler_that_failed_has_another_name_now_nothing_runs() -> None:
    store = MemoryStore()
    await Mended(dead_letters=store).router.process(RAW)
    router = Router()
    router.on("order.paid")(completing("charge_card"))
    letter = await only_letter(store)

    with pytest.raises(
        RegistrationError, match=r"no handler \".*\.charge\", .* takes the event now"
    ):
        await router.replay(letter)

    result = await router.replay(letter, only="tests.once.stores.charge_card")
    assert result.handlers[0].value == "charge_card"


async def test_a_replay_is_read_and_routed_anew(store: AnyStore) -> None:
    router = Router(dead_letters=store)
    await router.process(raw_event(version="v1"))
    letter = await only_letter(store)

    @router.upcast("order.paid", "v1", "v2")
    def rename(old: dict[str, Any]) -> dict[str, Any]:
        return {"order": old["order"], "cents": old["cents"] * 10}

    @router.on("order.paid", version="v2")
    def charge(paid: Paid) -> int:
        return paid.cents

    result = await router.replay(letter)

    assert letter.status is Status.UNROUTED
    assert result.handlers[0].value == 9_950
    assert result.upcasts == ("v1", "v2")


async def test_a_replay_has_the_headers_that_came() -> None:
    store = MemoryStore()
    envelope = MappedEnvelope(type=Header("X-Type"), payload="$")
    router = Router(envelope=envelope, dead_letters=store)
    await router.process(b'{"order": "o-1", "cents": 5}', {"x-type": "order.paid"})
    router.on("order.paid")(completing("charge"))

    assert (await router.replay(await only_letter(store))).ok


async def test_a_replay_takes_an_edited_event() -> None:
    store = MemoryStore()
    router = Router(dead_letters=store)

    @router.on("order.paid")
    def charge(paid: Paid) -> int:
        return paid.cents

    await router.process(raw_event(payload={"order": "o-1", "cents": "5"}))

    result = await router.replay(
        await only_letter(store), raw=raw_event(payload={"order": "o-1", "cents": 5})
    )

    assert result.handlers[0].value == 5


async def test_what_is_malformed_still_is_so_when_replayed() -> None:
    store = MemoryStore()
    router = Router(dead_letters=store)
    await router.process(b"{")

    assert (await router.replay(await only_letter(store))).status is Status.MALFORMED


async def test_what_is_unrouted_still_is_so_when_replayed() -> None:
    store = MemoryStore()
    shop = Mended(dead_letters=store)
    await shop.router.process(RAW)

    result = await Router().replay(await only_letter(store))

    assert result.status is Status.UNROUTED


async def test_a_replay_goes_through_hooks_and_middleware() -> None:
    store = MemoryStore()
    shop, seen = Mended(dead_letters=store), list[str]()
    await shop.router.process(RAW)
    shop.is_mended = True
    shop.router.before(lambda event: seen.append("before"))

    @shop.router.middleware
    async def around(event: Event[Any], call_next: CallNext) -> Result:
        seen.append("around")
        return await call_next(event)

    result = await shop.router.replay(await only_letter(store))

    assert seen == ["around", "before"]
    assert result.raw == RAW


async def test_where_an_after_hook_failed_it_alone_runs_again() -> None:
    store = MemoryStore()
    router, ran = Router(dead_letters=store), list[str]()
    router.on("order.paid")(completing("charge"))

    @router.after
    def note(event: Event[Any], error: BaseException | None) -> None:
        ran.append("note")
        if len(ran) == 1:
            raise OSError

    await router.process(RAW)

    result = await router.replay(await only_letter(store))

    assert result.ok
    assert result.handlers == ()
    assert ran == ["note", "note"]


async def test_a_dry_run_says_what_would_run_and_runs_nothing() -> None:
    store = MemoryStore()
    shop = Mended(dead_letters=store)
    await shop.router.process(RAW)
    letter = await only_letter(store)
    shop.ran.clear()

    explanation = shop.router.explain_replay(letter)

    runs = [verdict.route.named.name for verdict in explanation.verdicts if verdict.runs]
    assert runs == [f"{HANDLERS}charge", f"{HANDLERS}send"]
    assert "passed over: tests.once.test_dead_letters.audit" in str(explanation)
    assert "not among those to be replayed" in str(explanation)
    assert shop.ran == []


async def test_a_dry_run_takes_what_the_replay_would() -> None:
    store = MemoryStore()
    shop = Mended(dead_letters=store)
    await shop.router.process(RAW)
    letter = await only_letter(store)

    edited = shop.router.explain_replay(letter, raw=b"{")
    with pytest.raises(RegistrationError):
        shop.router.explain_replay(letter, only=["shop.ship"])

    assert edited.error is not None


def test_what_is_no_store_of_letters_is_refused() -> None:
    with pytest.raises(RegistrationError, match="it is a DeadLetterStore"):
        Router(dead_letters="events.db")  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_whatever_arrives_is_kept_byte_by_byte(raw: bytes) -> None:
    store = MemoryStore()
    router = Router(dead_letters=store)

    result = router.process_sync(raw)

    assert result.dead_letter is not None
    letter = anyio.run(store.get_letter, result.dead_letter)
    assert letter is not None
    assert letter.raw == raw
