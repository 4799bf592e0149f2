"""Callbacks in the background: bounded, and waited for at the end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from eventrouter import RegistrationError, Router
from eventrouter.integrations.callbacks import Callbacks
from tests.events import Paid
from tests.integrations.callbacks.receiver import TLS, Receiver, answered_router

ROOT = Path(__file__).parents[3]


def callbacks_to(receiver: Receiver, **settings: Any) -> Callbacks:
    return Callbacks(hosts=[receiver.host], **{"interval": 0, "ssl_context": TLS, **settings})


async def arrival(receiver: Receiver) -> None:
    """Wait until one more request has arrived."""
    assert await anyio.to_thread.run_sync(receiver.arrived.acquire, True, 10)


@pytest.mark.anyio
async def test_a_dispatch_does_not_wait_for_its_callback_and_the_end_does(
    receiver: Receiver,
) -> None:
    receiver.answering.clear()
    receiver.answers = [500, 200]

    async with callbacks_to(receiver) as callbacks:
        await answered_router(callbacks).dispatch(receiver.event())
        await arrival(receiver)
        receiver.answering.set()

    assert receiver.paths == ["/success", "/success"]


@pytest.mark.anyio
async def test_what_is_past_max_pending_is_dropped_logged_and_counted(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answering.clear()

    async with callbacks_to(receiver, max_pending=2, concurrency=1) as callbacks:
        router = answered_router(callbacks)
        for number in range(5):
            await router.dispatch(receiver.event(metadata={"id": f"e-{number}"}))
        assert callbacks.dropped == 3
        receiver.answering.set()

    assert len(receiver.requests) == 2
    assert caplog.messages[-1] == (
        'the callback of "order.paid" with id "e-4" was dropped: 2 wait (dropped so far: 3)'
    )


@pytest.mark.anyio
async def test_there_is_room_again_once_callbacks_are_sent(receiver: Receiver) -> None:
    callbacks = callbacks_to(receiver, max_pending=1)
    router = answered_router(callbacks)

    for _ in range(3):
        async with callbacks:
            await router.dispatch(receiver.event())

    assert (len(receiver.requests), callbacks.dropped) == (3, 0)


@pytest.mark.anyio
async def test_so_many_are_under_way_at_once_and_no_more(receiver: Receiver) -> None:
    receiver.answering.clear()

    async with callbacks_to(receiver, concurrency=2) as callbacks:
        router = answered_router(callbacks)
        for _ in range(4):
            await router.dispatch(receiver.event())
        await arrival(receiver)
        await arrival(receiver)
        assert len(receiver.requests) == 2
        receiver.answering.set()

    assert len(receiver.requests) == 4


@pytest.mark.anyio
async def test_what_takes_longer_than_the_grace_is_given_up_and_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answering.clear()

    async with callbacks_to(receiver, grace=0) as callbacks:
        await answered_router(callbacks).dispatch(receiver.event())
        await arrival(receiver)

    assert caplog.messages == ["1 callbacks given up: not sent 0 s after the end"]


@pytest.mark.anyio
async def test_a_cancellation_waits_for_what_is_under_way_and_passes_on(
    receiver: Receiver,
) -> None:
    receiver.answering.clear()
    receiver.answers = [500, 200]

    with anyio.CancelScope() as scope:
        async with callbacks_to(receiver) as callbacks:
            await answered_router(callbacks).dispatch(receiver.event())
            await arrival(receiver)
            scope.cancel()
            receiver.answering.set()
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert receiver.paths == ["/success", "/success"]


@pytest.mark.anyio
async def test_an_event_that_was_cancelled_is_answered_as_failed(receiver: Receiver) -> None:
    with anyio.CancelScope() as scope:
        async with callbacks_to(receiver) as callbacks:
            router = Router()
            router.after(callbacks)

            @router.on("order.paid")
            async def handle(paid: Paid) -> None:
                scope.cancel()
                await anyio.sleep_forever()

            await router.dispatch(receiver.event())

    assert receiver.paths == ["/fail"]


@pytest.mark.parametrize("error", [LookupError("mine"), SystemExit("mine")])
@pytest.mark.anyio
async def test_what_is_raised_inside_comes_out_as_it_is(
    error: BaseException, receiver: Receiver
) -> None:
    async def fail() -> None:
        async with callbacks_to(receiver) as callbacks:
            await answered_router(callbacks).dispatch(receiver.event())
            raise error

    with pytest.raises(type(error)) as caught:
        await fail()

    assert caught.value is error
    assert receiver.paths == ["/success"]


@pytest.mark.anyio
async def test_they_may_be_opened_once_at_a_time(receiver: Receiver) -> None:
    callbacks = callbacks_to(receiver)

    async with callbacks:
        with pytest.raises(RegistrationError, match="open already"):
            await callbacks._background.open().__aenter__()


@pytest.mark.anyio
async def test_a_sync_dispatch_in_a_thread_uses_the_background_of_the_loop(
    receiver: Receiver,
) -> None:
    receiver.answering.clear()

    async with callbacks_to(receiver) as callbacks:
        router = answered_router(callbacks)
        kept = receiver.event(event_type="order.kept")
        await anyio.to_thread.run_sync(router.dispatch_sync, kept)
        receiver.answering.set()  # and the dispatch has ended, with no answer yet

    assert receiver.paths == ["/success"]


def test_without_an_event_loop_there_is_a_background_too(receiver: Receiver) -> None:
    receiver.answering.clear()

    with callbacks_to(receiver) as callbacks:
        answered_router(callbacks).dispatch_sync(receiver.event(event_type="order.kept"))
        receiver.answering.set()

    assert receiver.paths == ["/success"]


def test_what_is_raised_inside_comes_out_as_it_is_without_an_event_loop(
    receiver: Receiver,
) -> None:
    with pytest.raises(LookupError, match="mine"), callbacks_to(receiver):
        raise LookupError("mine")


@pytest.mark.anyio
async def test_a_loop_may_use_the_background_that_another_thread_has(receiver: Receiver) -> None:
    with callbacks_to(receiver) as callbacks:
        await answered_router(callbacks).dispatch(receiver.event())

    assert receiver.paths == ["/success"]


def test_one_loop_of_trio_does_without_the_background_of_another(receiver: Receiver) -> None:
    callbacks = callbacks_to(receiver)
    router = answered_router(callbacks)

    with start_blocking_portal("trio") as portal, portal.wrap_async_context_manager(callbacks):
        anyio.run(router.dispatch, receiver.event(), backend="trio")
        assert receiver.paths == ["/success"]


@pytest.mark.anyio
async def test_after_the_end_a_dispatch_waits_for_its_callback_again(receiver: Receiver) -> None:
    callbacks = callbacks_to(receiver)
    async with callbacks:
        pass

    await answered_router(callbacks).dispatch(receiver.event())

    assert receiver.paths == ["/success"]


@pytest.mark.anyio
async def test_what_interrupts_a_callback_under_way_ends_the_program_and_no_other_callback(
    receiver: Receiver,
) -> None:
    class Interrupted:
        def sign(self, raw: bytes, *, id: str) -> Mapping[str, str]:
            if b"e-1" in raw:
                raise SystemExit("now")
            return {}

    async def serve() -> None:
        async with callbacks_to(receiver, signature=Interrupted()) as callbacks:
            router = answered_router(callbacks)
            for number in range(3):
                await router.dispatch(receiver.event(metadata={"id": f"e-{number}"}))
            await anyio.sleep_forever()

    with pytest.raises(SystemExit, match="now"):
        await serve()

    assert len(receiver.requests) == 2


PROGRAM = """
import signal, sys
import anyio
from eventrouter.integrations.callbacks import Callbacks
from tests.integrations.callbacks.receiver import answered_router, event

# Whoever runs the tests in the background of a shell has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    async with Callbacks(hosts=["{host}"], interval=0) as callbacks:
        await answered_router(callbacks).dispatch(event("http://{host}/success"))
        await anyio.to_thread.run_sync(sys.stdin.readline)
        signal.raise_signal(signal.SIGINT)
        await anyio.sleep_forever()

anyio.run(main, backend="{backend}")
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_control_c_ends_the_program_once_what_is_under_way_is_sent(
    backend: str, receiver: Receiver
) -> None:
    receiver.answering.clear()
    receiver.answers = [500, 200]
    code = PROGRAM.format(host=receiver.host, backend=backend)
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert receiver.arrived.acquire(timeout=30)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        receiver.answering.set()
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()

    assert process.returncode == -signal.SIGINT, errors.decode()
    assert receiver.paths == ["/success", "/success"]
