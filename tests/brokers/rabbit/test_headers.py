"""What an envelope is given of the headers and properties of a message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic

from eventrouter.integrations.faststream.rabbit.headers import (
    split_headers,
    text_headers,
    text_of,
    without_deaths_in,
)

TABLES = st.dictionaries(
    st.text(max_size=20),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**31), 2**31)
        | st.text(max_size=20)
        | st.binary(max_size=20)
        | st.floats(allow_nan=False)
        | st.datetimes(timezones=st.just(UTC)),
        lambda values: (
            st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3)
        ),
        max_leaves=5,
    ),
    max_size=5,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "null"),
        (b"bytes", "bytes"),
        (b"\xff\xfe", "//4="),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        ({"b": [1, "ä"], "a": None}, '{"a":null,"b":[1,"ä"]}'),
        ([datetime(2026, 1, 2, tzinfo=UTC)], '["2026-01-02T00:00:00Z"]'),
    ],
)
def test_a_value_that_is_no_text_becomes_one(value: Any, text: str) -> None:
    assert text_of(value) == text


@given(TABLES)
def test_any_table_becomes_text_and_the_same_each_time(table: dict[str, Any]) -> None:
    texts = text_headers(Basic.Properties(headers=table))
    assert all(isinstance(text, str) for text in texts.values())
    assert texts == text_headers(Basic.Properties(headers=dict(reversed(table.items()))))


def test_properties_become_headers() -> None:
    properties = Basic.Properties(
        content_type="application/json",
        message_id="one",
        correlation_id="two",
        message_type="order.paid",
        timestamp=datetime(2026, 1, 2, tzinfo=UTC),
        headers={"x-tenant": "acme"},
    )
    assert text_headers(properties) == {
        "content-type": "application/json",
        "message-id": "one",
        "correlation-id": "two",
        "type": "order.paid",
        "timestamp": "2026-01-02T00:00:00Z",
        "x-tenant": "acme",
    }


def test_what_the_broker_and_workers_add_is_no_header_of_the_event() -> None:
    properties = Basic.Properties(
        message_id="eventrouter-made-up-1",
        headers={
            "x-death": [{"queue": "q"}],
            "x-first-death-queue": "q",
            "x-delivery-count": 3,
            "eventrouter-failed": 1,
            "CC": ["other"],
        },
    )
    assert text_headers(properties) == {}


@pytest.mark.parametrize("prefix", ["cloudEvents:", "cloudEvents_"])
def test_the_attributes_of_a_cloud_event_are_named_as_over_http(prefix: str) -> None:
    properties = Basic.Properties(headers={f"{prefix}source": "/a b%"})
    assert text_headers(properties) == {"ce-source": "/a%20b%25"}


def test_headers_and_properties_are_split_as_they_are_joined() -> None:
    headers = {"Content-Type": "a/b", "ce-id": "%C3%A4", "type": "t", "other": "o"}
    assert split_headers(headers) == (
        {"content_type": "a/b", "type": "t"},
        {"cloudEvents_id": "ä", "other": "o"},
    )


def test_only_deaths_in_the_queues_for_retries_are_forgotten() -> None:
    ours, theirs = {"queue": "q.retry.1s"}, {"queue": "q"}
    headers = {
        "x-death": [ours, theirs],
        "x-first-death-queue": "q",
        "x-last-death-queue": "q.retry.1s",
    }
    kept = without_deaths_in(headers, "q.retry.")
    assert kept == {"x-death": [theirs], "x-first-death-queue": "q"}
