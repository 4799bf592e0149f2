"""A function for Lambda that hands a router its events, and says which are to come again."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

import anyio

from eventrouter.dispatch import refuse_running_loop
from eventrouter.errors import EventRouterError, RegistrationError
from eventrouter.integrations.aws_lambda.batch import Batch, in_lanes
from eventrouter.integrations.aws_lambda.invocations import Item, taken_apart
from eventrouter.integrations.aws_lambda.settling import Settling, Verdict
from eventrouter.interruption import Interruption
from eventrouter.router import Router
from eventrouter.stores.arguments import checked_limit
from eventrouter.stores.letters import DeadLetterStore

T = TypeVar("T")


class StillInProgress(EventRouterError):
    """
    Raised for an event that another delivery is processing, so that Lambda delivers it again.

    Only where Lambda can't be told otherwise: of SNS and EventBridge.
    """


def lambda_handler(
    router: Router,
    *,
    dead_letters: DeadLetterStore | None = None,
    attempts: int = 5,
    concurrency: int = 1,
) -> LambdaHandler:
    """
    Make a Lambda function that hands a router the events it is invoked with.

    It takes those of SQS (standard and FIFO), SNS, EventBridge, Kinesis and DynamoDB streams, told
    apart by what the records say that they are. For SQS, Kinesis and DynamoDB it answers which
    are to be delivered again, so the event source mapping must have ``ReportBatchItemFailures``:
    without it Lambda takes all for done. For SNS and EventBridge it raises.

    Args:
        router: The router.
        dead_letters: Where events are set aside that no delivery can help, and those of SQS that
            failed at ``attempts`` deliveries. None if that is for AWS: a redrive policy of the
            queue, an on-failure destination. A router that has dead letters of its own sets aside
            at the first delivery.
        attempts: How often SQS delivers an event that fails, before it is set aside; less than
            the ``maxReceiveCount`` of its redrive policy.
        concurrency: How many events are processed at the same time, in one event loop: of a FIFO
            queue those of different groups, of a stream one.

    Raises:
        RegistrationError: If a setting can't work, or the router can't.
    """
    return LambdaHandler(router, dead_letters, attempts, concurrency)


class LambdaHandler:
    """The function that ``lambda_handler`` makes."""

    def __init__(
        self,
        router: Router,
        dead_letters: DeadLetterStore | None,
        attempts: int,
        concurrency: int,
    ) -> None:
        checked_limit(attempts)
        if not isinstance(concurrency, int) or concurrency < 1:  # pyright: ignore
            raise RegistrationError(f"concurrency={concurrency!r}: it is at least 1")
        if dead_letters is not None and not isinstance(dead_letters, DeadLetterStore):  # pyright: ignore
            raise RegistrationError(
                f"dead_letters={dead_letters!r}: it is a DeadLetterStore, such as a store for SQL"
            )
        router.compile()
        self._router = router
        self._settling = Settling(dead_letters, attempts)
        self._concurrency = concurrency
        self._runner: asyncio.Runner | None = None

    def __call__(self, invocation: Any, context: Any = None) -> dict[str, Any] | None:
        """
        Process the events of one invocation.

        Args:
            invocation: What Lambda calls ``event``.
            context: Lambda's context, which tells how much time is left. None for all that it
                takes.

        Returns:
            ``{"batchItemFailures": [...]}``; None for SNS and EventBridge.

        Raises:
            UnknownInvocation: If it is of no source that is known.
            EventLoopRunning: If an event loop runs in this thread.
            ExceptionGroup: If several events of SNS failed.
            Exception: What made an event of SNS or EventBridge fail, so that Lambda tries again.
        """
        refuse_running_loop()
        source, items = taken_apart(invocation)
        batch = Batch(context if source.has_batches else None)
        lanes = in_lanes(source, items)
        if self._concurrency == 1 and self._is_sync():
            for lane in lanes:
                for item in batch.startable(lane):
                    result = self._router.process_sync(item.raw, item.headers)
                    batch.ended(item, self._settling.settled_sync(item, result))
        else:
            self._in_loop(self._process(batch, lanes))
        if source.has_batches:
            return {"batchItemFailures": batch.failures(items, is_stream=source.is_stream)}
        _raise(batch.verdicts.values())
        return None

    def close(self) -> None:
        """Close the event loop, which is kept from one invocation to the next; tests do so."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _is_sync(self) -> bool:
        return all(
            route.is_sync and all(scope.is_sync for scope in route.scopes)
            for route in self._router.routes()
        )

    async def _process(self, batch: Batch, lanes: list[list[Item]]) -> None:
        waiting = iter(lanes)

        async def work() -> None:
            for lane in waiting:  # which the others take from, too
                for item in batch.startable(lane):
                    result = await self._router.process(item.raw, item.headers)
                    batch.ended(item, await self._settling.settled(item, result))

        interruption = Interruption()
        async with anyio.create_task_group() as tasks:
            for _ in range(min(self._concurrency, len(lanes))):
                tasks.start_soon(interruption.stopping, tasks, work())
        interruption.raise_again()

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._runner is None:
            self._runner = asyncio.Runner()
            weakref.finalize(self, self._runner.close)
        # What is around the function, such as a tracer, is seen by the handlers.
        return self._runner.run(work, context=copy_context())


def _raise(verdicts: Any) -> None:
    errors = [_error_of(verdict) for verdict in verdicts if not verdict.is_done]
    if len(errors) > 1:
        raise ExceptionGroup(f"{len(errors)} events failed", errors)
    if errors:
        raise errors[0]


def _error_of(verdict: Verdict) -> Exception:
    if verdict.error is not None:
        return verdict.error
    return StillInProgress("another delivery of the event is processing it; deliver it again")
