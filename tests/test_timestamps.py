"""Dates and times in text: RFC 3339 and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter.timestamps import (
    DATETIME_PATTERN,
    format_datetime,
    format_duration,
    parse_date,
    parse_datetime,
    parse_duration,
    parse_time,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

#: Offsets that RFC 3339 can write: whole minutes, below a day.
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(minutes * MINUTE))
#: A day from either edge, so that the moment in UTC is in a year that Python has.
moments = st.datetimes(datetime.min + DAY, datetime.max - DAY, timezones=offsets)


def at(*parts: int, zone: tzinfo = UTC) -> datetime:
    year, month, day, hour, minute, second, microsecond = (*parts, 0, 0, 0, 0, 0)[:7]
    return datetime(year, month, day, hour, minute, second, microsecond, zone)


def hours(count: float) -> timezone:
    return timezone(timedelta(hours=count))


def is_refused(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return True
    return False


# Date-times


@given(moments)
def test_a_date_time_that_is_written_is_read_back(moment: datetime) -> None:
    read = parse_datetime(format_datetime(moment))

    assert read == moment
    assert read.utcoffset() == moment.utcoffset()


@given(moments)
def test_what_python_writes_is_read(moment: datetime) -> None:
    assert parse_datetime(moment.isoformat()) == moment


@given(moments, st.text("0123456789", max_size=40))
def test_digits_past_microseconds_are_dropped(moment: datetime, more: str) -> None:
    text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}".rjust(26, "0") + more + "Z"

    assert parse_datetime(text) == moment.replace(tzinfo=UTC)


@given(st.text())
def test_any_text_is_a_date_time_with_an_offset_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_datetime(text).utcoffset() is not None


@given(st.from_regex(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d{0,10})?)?([Zz]|[+-]\d\d:?\d\d)?"))
def test_any_near_miss_is_a_date_time_with_an_offset_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_datetime(text).utcoffset() is not None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-08-20T05:21:19Z", at(2024, 8, 20, 5, 21, 19)),
        ("2024-08-20T05:21:19z", at(2024, 8, 20, 5, 21, 19)),
        ("2024-08-20t05:21:19z", at(2024, 8, 20, 5, 21, 19)),
        ("2024-08-20T05:21:19+00:00", at(2024, 8, 20, 5, 21, 19)),
        ("2024-08-20T05:21:19-00:00", at(2024, 8, 20, 5, 21, 19)),
        ("2024-08-20T05:21:19+05:30", at(2024, 8, 20, 5, 21, 19, zone=hours(5.5))),
        ("2024-08-20T05:21:19-23:59", at(2024, 8, 20, 5, 21, 19, zone=timezone(MINUTE - DAY))),
        ("2024-08-20T05:21:19.1Z", at(2024, 8, 20, 5, 21, 19, 100_000)),
        ("2024-08-20T05:21:19.12+00:00", at(2024, 8, 20, 5, 21, 19, 120_000)),
        ("2024-08-20T05:21:19.143357839Z", at(2024, 8, 20, 5, 21, 19, 143_357)),
        ("2024-08-20T05:21:19.1433578391234567890Z", at(2024, 8, 20, 5, 21, 19, 143_357)),
        ("2024-08-20T05:21:19.999999999Z", at(2024, 8, 20, 5, 21, 19, 999_999)),
        ("2024-02-29T00:00:00Z", at(2024, 2, 29)),
        ("0001-01-01T00:00:00Z", at(1, 1, 1)),
        ("0001-01-01T00:00:00-01:00", at(1, 1, 1, zone=hours(-1))),
        ("0001-01-01T01:00:00+01:00", at(1, 1, 1, 1, zone=hours(1))),
        ("9999-12-31T23:59:59.999999Z", at(9999, 12, 31, 23, 59, 59, 999_999)),
        ("9999-12-31T23:00:00+01:00", at(9999, 12, 31, 23, zone=hours(1))),
    ],
)
def test_a_date_time_of_rfc_3339_is_read(text: str, moment: datetime) -> None:
    read = parse_datetime(text)

    assert read == moment
    assert read.utcoffset() == moment.utcoffset()


NO_DATE_TIMES = {
    "nothing": "",
    "no offset": "2024-08-20T05:21:19",
    "a date alone": "2024-08-20",
    "a time alone": "05:21:19Z",
    "a week date": "2024-W34-2T05:21:19Z",
    "a day of the year": "2024-233T05:21:19Z",
    "the basic format": "20240820T052119Z",
    "a space for the T": "2024-08-20 05:21:19Z",
    "a low line for the T": "2024-08-20_05:21:19Z",
    "a comma for the point": "2024-08-20T05:21:19,5Z",
    "a point without digits": "2024-08-20T05:21:19.Z",
    "no seconds": "2024-08-20T05:21Z",
    "hour 24": "2024-08-20T24:00:00Z",
    "hour 24 with an offset": "2024-08-20T24:00:00+01:00",
    "hour 25": "2024-08-20T25:00:00Z",
    "minute 60": "2024-08-20T05:60:00Z",
    "a leap second": "2024-12-31T23:59:60Z",
    "second 60": "2024-08-20T05:21:60.5Z",
    "month 0": "2024-00-20T05:21:19Z",
    "month 13": "2024-13-20T05:21:19Z",
    "day 0": "2024-08-00T05:21:19Z",
    "day 30 of February": "2024-02-30T05:21:19Z",
    "29 February of another year": "2023-02-29T05:21:19Z",
    "year 0": "0000-08-20T05:21:19Z",
    "a year of five digits": "10000-08-20T05:21:19Z",
    "a negative year": "-2024-08-20T05:21:19Z",
    "an offset of 24 hours": "2024-08-20T05:21:19+24:00",
    "an offset of minus 24 hours": "2024-08-20T05:21:19-24:00",
    "an offset of 60 minutes": "2024-08-20T05:21:19+00:60",
    "an offset of 99 minutes": "2024-08-20T05:21:19+00:99",
    "an offset of hours alone": "2024-08-20T05:21:19+05",
    "an offset without a colon": "2024-08-20T05:21:19+0530",
    "an offset with seconds": "2024-08-20T05:21:19+05:30:15",
    "an offset with a minus sign of typesetting": "2024-08-20T05:21:19\u221205:30",
    "a zone's name": "2024-08-20T05:21:19 UTC",
    "two offsets": "2024-08-20T05:21:19Z+00:00",
    "white space before": " 2024-08-20T05:21:19Z",
    "white space behind": "2024-08-20T05:21:19Z ",
    "a line's end": "2024-08-20T05:21:19Z\n",
    "Arabic digits": "\u0662\u0660\u0662\u0664-08-20T05:21:19Z",
    "wide digits": "2024-08-20T05:21:1\uff19Z",
    "half of a surrogate pair": "2024-08-20T05:21:19\ud800",
    "a NUL": "2024-08-20T05:21:19Z\x00",
    "seconds since 1970": "1724131279",
    "before year 1 in UTC": "0001-01-01T00:00:00+01:00",
    "after year 9999 in UTC": "9999-12-31T23:59:59-01:00",
}


@pytest.mark.parametrize("name", NO_DATE_TIMES)
def test_what_is_no_date_time_of_rfc_3339_is_a_value_error(name: str) -> None:
    assert is_refused(parse_datetime, NO_DATE_TIMES[name])


def is_read(text: str) -> bool:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return False
    return 1000 <= moment.year < 9000  # the others are left to parse_datetime


@given(
    moments.map(datetime.isoformat)
    | st.sampled_from(sorted(NO_DATE_TIMES.values()))
    | st.from_regex(
        r"\A(0000|0001|1[09]00|2[0-9]{3}|9999)-[01][0-9]-[0-3][0-9][Tt ]"
        r"[0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"([.,]\d{0,10})?([Zz]|[+-][012]\d:?[0-6]\d)?\n?\Z"
    )
)
def test_the_pattern_matches_what_is_read(text: str) -> None:
    assert bool(re.search(DATETIME_PATTERN, text)) == is_read(text)


@given(st.dates(min_value=date(1000, 1, 1), max_value=date(8999, 12, 31)))
def test_the_pattern_knows_the_calendar(day: date) -> None:
    after = f"{day.year:04}-{day.month:02}-{day.day + 1:02}T00:00:00Z"

    assert re.search(DATETIME_PATTERN, f"{day.isoformat()}T00:00:00Z")
    assert bool(re.search(DATETIME_PATTERN, after)) == is_read(after)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (at(2024, 8, 20, 5, 21, 19), "2024-08-20T05:21:19Z"),
        (at(2024, 8, 20, 5, 21, 19, 5), "2024-08-20T05:21:19.000005Z"),
        (at(2024, 8, 20, zone=hours(0)), "2024-08-20T00:00:00Z"),
        (at(2024, 8, 20, zone=hours(-3)), "2024-08-20T00:00:00-03:00"),
        (at(1, 1, 1), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_date_time_is_written_by_rfc_3339(moment: datetime, text: str) -> None:
    assert format_datetime(moment) == text


def test_an_offset_with_seconds_is_written_in_utc() -> None:
    zone = timezone(timedelta(minutes=53, seconds=28))  # Berlin, until 1893

    assert format_datetime(at(1890, 1, 1, 12, zone=zone)) == "1890-01-01T11:06:32Z"


def test_a_date_time_without_an_offset_is_not_written() -> None:
    with pytest.raises(ValueError, match="has no offset from UTC"):
        format_datetime(datetime(2024, 8, 20))


# Dates


@given(st.dates())
def test_a_date_that_python_writes_is_read(day: date) -> None:
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-8-20",
        "20240820",
        "2024-W34-2",
        "2024-233",
        "2024-08",
        "2024-13-01",
        "2024-02-30",
        "0000-01-01",
        "2024-08-20T00:00:00Z",
        "2024-08-20\n",
        " 2024-08-20",
        "\u0662\u0660\u0662\u0664-08-20",
    ],
)
def test_what_is_no_date_of_rfc_3339_is_a_value_error(text: str) -> None:
    assert is_refused(parse_date, text)


# Times


@given(st.times(timezones=st.none() | offsets))
def test_a_time_that_python_writes_is_read(moment: time) -> None:
    read = parse_time(moment.isoformat())

    assert read == moment
    assert read.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("05:21:19", time(5, 21, 19)),
        ("05:21:19z", time(5, 21, 19, tzinfo=UTC)),
        ("05:21:19.123456789", time(5, 21, 19, 123_456)),
        ("23:59:59-00:30", time(23, 59, 59, tzinfo=hours(-0.5))),
    ],
)
def test_a_time_of_rfc_3339_is_read(text: str, moment: time) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "05",
        "05:21",
        "052119",
        "T05:21:19",
        "24:00:00",
        "05:60:00",
        "23:59:60",
        "05:21:19,5",
        "05:21:19.",
        "05:21:19+05",
        "05:21:19+24:00",
        "05:21:19+00:60",
        "05:21:19\n",
        "\u0660\u0665:21:19",
    ],
)
def test_what_is_no_time_of_rfc_3339_is_a_value_error(text: str) -> None:
    assert is_refused(parse_time, text)


# Durations


@given(st.timedeltas())
def test_a_duration_that_is_written_is_read_back(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.from_regex(r"\A[+-]?P([0-9]{1,12}[WDYM]){0,3}(T([0-9]{1,20}[HMS.]){0,4})?\Z") | st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_duration(text), timedelta)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P1D", DAY),
        ("P1DT2H", timedelta(days=1, hours=2)),
        ("PT2H3M4S", timedelta(hours=2, minutes=3, seconds=4)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("PT1.123456789S", timedelta(seconds=1, microseconds=123_456)),
        ("P2W", timedelta(weeks=2)),
        ("-P2W", timedelta(weeks=-2)),
        ("+PT1S", timedelta(seconds=1)),
        ("-PT0.5S", timedelta(milliseconds=-500)),
        ("PT36H", timedelta(hours=36)),
        ("PT0S", timedelta(0)),
        ("P999999999DT86399.999999S", timedelta.max),
        ("-P999999999D", timedelta.min),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "P1",
        "1D",
        "PD",
        "P1Y",
        "P1M",
        "P1Y2D",
        "P1.5D",
        "PT1.5H",
        "PT1,5S",
        "PT.5S",
        "PT1.S",
        "PT1S2M",
        "P-1D",
        "p1d",
        "P1D\n",
        " P1D",
        "P\u0661D",
        "P1000000000D",
        "-P1000000000D",
        "-P999999999DT0.000001S",
        "P" + "9" * 60 + "D",
        "PT" + "9" * 5_000 + "S",
        "PT1." + "0" * 64 + "S",
        "3600",
    ],
)
def test_what_is_no_duration_of_a_known_length_is_a_value_error(text: str) -> None:
    assert is_refused(parse_duration, text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "P0DT0S"),
        (timedelta(days=1, hours=2), "P1DT7200S"),
        (timedelta(milliseconds=500), "P0DT0.5S"),
        (timedelta(milliseconds=-500), "-P0DT0.5S"),
        (timedelta(microseconds=1), "P0DT0.000001S"),
    ],
)
def test_a_duration_is_written(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text
