"""Whatever records arrive and whatever handlers do, each is done or is to come again."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventrouter import MemoryStore
from eventrouter.contexts import driven
from eventrouter.integrations.aws_lambda import lambda_handler
from tests.integrations.aws_lambda.routers import handling
from tests.integrations.aws_lambda.samples import (
    Context,
    body,
    kinesis_record,
    records,
    sqs_record,
)

DEEDS = st.sampled_from(["succeed", "fail", "never", "malformed"])
GROUPS = st.sampled_from(["g-1", "g-2", "g-3"])
CONCURRENCY = st.sampled_from([1, 3])
TIMES = st.integers(0, 20).map(lambda events: Context(400 + events * 1_000, each_look=1_000))
KINDS: Any = st.sampled_from(["sync", "async"])


def text_of(do: str, id: str) -> str:
    return "not JSON" if do == "malformed" else body(payload={"do": do, "id": id})


def answered(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@given(st.lists(st.tuples(DEEDS, GROUPS), min_size=1), KINDS, CONCURRENCY, TIMES, st.booleans())
def test_of_a_fifo_queue_each_is_done_or_comes_again_in_the_order_of_its_group(
    messages: list[tuple[str, str]], kind: Any, concurrency: int, context: Context, keeps: bool
) -> None:
    handled, store = handling(kind), MemoryStore()
    batch = [
        sqs_record(f"m-{n}", text_of(do, f"m-{n}"), group=group)
        for n, (do, group) in enumerate(messages)
    ]
    with closing(
        lambda_handler(
            handled.router, concurrency=concurrency, dead_letters=store if keeps else None
        )
    ) as handler:
        again = answered(handler(records(batch), context))

    succeeded = [payload["id"] for payload in handled.payloads]
    letters = driven(store.find_letters()).letters
    aside = [letter.headers["AWS.messageId"] for letter in letters]
    assert sorted([*again, *succeeded, *aside]) == sorted(f"m-{n}" for n in range(len(batch)))
    for group in {group for _, group in messages}:
        of_group = [f"m-{n}" for n, message in enumerate(messages) if message[1] == group]
        # What is done with is how the group begins, in its order; the rest comes again.
        done = [id for id in of_group if id not in again]
        assert of_group[: len(done)] == done
        assert [id for id in succeeded if id in of_group] == [id for id in done if id not in aside]


@given(st.lists(DEEDS, min_size=1), KINDS, CONCURRENCY, TIMES, st.booleans())
def test_of_a_standard_queue_each_is_done_or_comes_again(
    deeds: list[str], kind: Any, concurrency: int, context: Context, keeps: bool
) -> None:
    handled, store = handling(kind), MemoryStore()
    batch = [sqs_record(f"m-{n}", text_of(do, f"m-{n}")) for n, do in enumerate(deeds)]
    with closing(
        lambda_handler(
            handled.router, concurrency=concurrency, dead_letters=store if keeps else None
        )
    ) as handler:
        again = answered(handler(records(batch), context))

    succeeded = [payload["id"] for payload in handled.payloads]
    aside = [letter.headers["AWS.messageId"] for letter in driven(store.find_letters()).letters]
    assert sorted([*again, *succeeded, *aside]) == sorted(f"m-{n}" for n in range(len(batch)))


@given(st.lists(DEEDS, min_size=1), KINDS, CONCURRENCY, TIMES)
def test_of_a_stream_all_before_the_checkpoint_is_done_and_nothing_after_it_was_begun(
    deeds: list[str], kind: Any, concurrency: int, context: Context
) -> None:
    handled = handling(kind)
    batch = [kinesis_record(f"{n}", text_of(do, f"{n}").encode()) for n, do in enumerate(deeds)]
    with closing(lambda_handler(handled.router, concurrency=concurrency)) as handler:
        again = answered(handler(records(batch), context))

    checkpoint = int(again[0]) if again else len(batch)
    assert len(again) <= 1
    assert [payload["id"] for payload in handled.payloads] == [f"{n}" for n in range(checkpoint)]
