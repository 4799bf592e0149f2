"""The default envelope."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import Event, JsonEnvelope, Limits, MalformedEvent
from eventrouter.envelope import Body
from tests.test_json import json_values

ENVELOPE = JsonEnvelope()
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
offsets = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
events = st.builds(
    Event[Any],
    type=text.filter(bool),
    payload=json_values,
    timestamp=st.datetimes(
        datetime(1000, 1, 1),
        datetime(9000, 1, 1),
        timezones=offsets,
    ),
    metadata=st.dictionaries(text, text),
    extensions=st.dictionaries(
        text.filter(lambda n: n not in {"event_type", "timestamp", "payload", "metadata"}),
        json_values,
    ),
)


def read(**members: object) -> Event[Any]:
    return ENVELOPE.read(json.dumps({"event_type": "a", **members}))


@given(events)
def test_what_it_writes_it_reads_back(event: Event[Any]) -> None:
    assert ENVELOPE.read(*ENVELOPE.write(event)) == event


@given(events)
def test_reading_and_writing_again_changes_nothing(event: Event[Any]) -> None:
    written = ENVELOPE.write(event)

    assert ENVELOPE.write(ENVELOPE.read(*written)) == written


def test_it_reads_the_parts() -> None:
    event = read(
        timestamp="2024-08-20T05:21:19.143357839Z",
        payload={"user_id": "1"},
        metadata={"source": "s", "version": "v1", "id": "e-1"},
        callback={"success_url": "/ok"},
    )

    assert event.timestamp == datetime(2024, 8, 20, 5, 21, 19, 143357, tzinfo=UTC)
    assert event.payload == {"user_id": "1"}
    assert (event.source, event.version, event.id) == ("s", "v1", "e-1")
    assert event.extensions == {"callback": {"success_url": "/ok"}}


def test_without_a_timestamp_it_is_the_time_of_reading() -> None:
    before = datetime.now(UTC)

    assert before <= read().timestamp <= datetime.now(UTC)


def test_without_a_payload_it_is_null() -> None:
    assert read().payload is None


def test_metadata_can_t_be_changed() -> None:
    with pytest.raises(TypeError):
        read(metadata={"a": "b"}).metadata["a"] = "c"  # type: ignore[index]


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        1724131279,
        "",
        "not_a_timestamp",
        "2024-08-20",
        "2024-08-20T05:21:19",
        "2024-W34-2T05:21:19Z",
        "2024-08-20T05:21:19,5Z",
        "2024-08-20T05:21:60Z",
        "2024-08-20 05:21:19Z",
        "2024-13-20T05:21:19Z",
        "2024-02-30T05:21:19Z",
    ],
)
def test_a_wrong_timestamp_is_malformed(timestamp: object) -> None:
    with pytest.raises(MalformedEvent, match="timestamp must be an RFC 3339 date-time"):
        read(timestamp=timestamp)


@pytest.mark.parametrize("timestamp", ["2024-08-20t05:21:19z", "2024-08-20T05:21:19.1234567891Z"])
def test_a_timestamp_may_be_lower_case_and_finer_than_microseconds(timestamp: str) -> None:
    assert read(timestamp=timestamp).timestamp.replace(microsecond=0) == datetime(
        2024, 8, 20, 5, 21, 19, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("[]", "an event is a JSON object, not array of 0"),
        ("null", "an event is a JSON object, not null"),
        ("{}", "event_type is missing"),
        ('{"event_type": null}', "event_type is missing"),
        ('{"event_type": 5}', "event_type must be a string, not integer 5"),
        ('{"event_type": ""}', 'event_type must be a string, not string ""'),
        ('{"event_type": "a", "metadata": null}', "metadata must be an object, not null"),
        ('{"event_type": "a", "metadata": []}', "metadata must be an object, not array of 0"),
        ('{"event_type": "a", "metadata": {"n": 1}}', 'metadata "n" must be a string'),
    ],
)
def test_what_is_no_such_envelope_is_malformed(raw: str, reason: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        ENVELOPE.read(raw)

    assert reason in str(caught.value)


@pytest.mark.parametrize("part", ["event_type", "metadata.version"])
def test_a_name_over_the_limit_is_malformed(part: str) -> None:
    event_type, version = ("abcd", "v") if part == "event_type" else ("a", "v123")
    raw = json.dumps({"event_type": event_type, "metadata": {"version": version}})

    with pytest.raises(MalformedEvent, match=f"{part} has 4 characters"):
        ENVELOPE.read(Body(raw, Limits(max_name_length=3)))


def test_an_extension_named_like_a_part_is_not_written() -> None:
    with pytest.raises(MalformedEvent, match='"payload" is a part'):
        ENVELOPE.write(Event("a", None, extensions={"payload": 1}))


def test_a_naive_timestamp_is_not_written() -> None:
    with pytest.raises(MalformedEvent, match="no offset"):
        ENVELOPE.write(Event("a", None, datetime(2024, 8, 20)))
