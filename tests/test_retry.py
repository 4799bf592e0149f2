"""What is tried again, how often, and after how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrouter import (
    MalformedEvent,
    RegistrationError,
    Retry,
    RetryAfter,
    Unrecoverable,
    exponential,
)
from eventrouter.errors import asked_wait, is_permanent

SECONDS = st.floats(0, 1e6)


class Refused(Exception):
    """What a handler raises."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


# How long


@given(SECONDS, st.floats(1, 1e9), SECONDS, st.integers(1, 10_000))
def test_an_exponential_wait_grows_up_to_the_longest(
    first: float, factor: float, longest: float, attempts: int
) -> None:
    wait = exponential(first, factor=factor, longest=longest)

    assert wait(1) == min(first, longest)
    assert wait(attempts) <= wait(attempts + 1) <= longest


def test_an_exponential_wait_is_multiplied_after_each_attempt() -> None:
    wait = exponential(timedelta(seconds=1), factor=3, longest=timedelta(seconds=20))

    assert [wait(attempts) for attempts in range(1, 6)] == [1, 3, 9, 20, 20]


@given(
    attempts=st.integers(1, 20),
    wait=SECONDS,
    jitter=st.floats(0, 10),
    max_elapsed=st.none() | SECONDS,
    made=st.integers(1, 30),
    elapsed=SECONDS,
    asked=st.none() | SECONDS,
)
def test_attempts_and_time_are_bounded_and_no_wait_is_shorter_than_it_should_be(
    attempts: int,
    wait: float,
    jitter: float,
    max_elapsed: float | None,
    made: int,
    elapsed: float,
    asked: float | None,
) -> None:
    retry = Retry(attempts, on=Refused, wait=wait, jitter=jitter, max_elapsed=max_elapsed)
    error = Refused() if asked is None else RetryAfter(asked)
    least = wait if asked is None else asked

    next_wait = retry.next_wait(made, error, elapsed)

    if next_wait is None:
        is_over = max_elapsed is not None and least > max_elapsed - elapsed
        assert made >= attempts or is_over
    else:
        assert made < attempts
        assert least <= next_wait <= least * (1 + jitter)
        assert max_elapsed is None or next_wait <= max_elapsed - elapsed


def test_a_wait_may_be_a_function_of_the_attempts_made() -> None:
    retry = Retry(5, on=Refused, wait=lambda attempts: attempts * 10.0, jitter=0)

    assert [retry.next_wait(made, Refused(), 0) for made in (1, 2, 5)] == [10, 20, None]


@pytest.mark.parametrize("wait", [-1.0, float("nan"), "soon"])
def test_a_function_that_gives_no_wait_is_an_error(wait: Any) -> None:
    with pytest.raises(RegistrationError, match="a wait"):
        Retry(5, on=Refused, wait=lambda attempts: wait).next_wait(1, Refused(), 0)


# What


@pytest.mark.parametrize(
    ("on", "error", "is_retried"),
    [
        (ConnectionError, ConnectionResetError(), True),
        (ConnectionError, TimeoutError(), False),
        ((ConnectionError, TimeoutError), TimeoutError(), True),
        (lambda error: "busy" in str(error), Refused("busy"), True),
        (lambda error: "busy" in str(error), Refused("closed"), False),
        (Refused, RetryAfter(1), True),
        (Refused, caused(KeyError(), RetryAfter(1)), True),
        (Refused, ExceptionGroup("", [Refused(), RetryAfter(1)]), True),
        (Refused, ExceptionGroup("", [Refused(), ExceptionGroup("", [Refused()])]), True),
        (Refused, ExceptionGroup("", [Refused(), KeyError()]), False),
        (Refused, ExceptionGroup("", [RetryAfter(1), KeyError()]), False),
        (ExceptionGroup, ExceptionGroup("", [KeyError()]), True),
        (Exception, Unrecoverable(), False),
        (Exception, MalformedEvent(""), False),
        (Exception, RegistrationError(""), False),
        (Exception, caused(Refused(), Unrecoverable()), False),
        (Exception, caused(RetryAfter(1), Unrecoverable()), False),
        (Exception, ExceptionGroup("", [Refused(), Unrecoverable()]), False),
        (Exception, ExceptionGroup("", [Refused(), MalformedEvent("")]), False),
    ],
)
def test_what_is_retried(on: Any, error: Exception, is_retried: bool) -> None:
    assert (Retry(2, on=on).next_wait(1, error, 0) is not None) == is_retried


def test_an_error_that_is_its_own_cause_is_looked_at_once() -> None:
    one, other = Refused(), Refused()
    one.__cause__, other.__cause__ = other, one

    assert not is_permanent(one)
    assert asked_wait(one) is None


def test_an_event_error_that_another_was_raised_from_is_not_looked_at() -> None:
    """Whoever names the outer one in ``on=`` means it."""
    assert not is_permanent(caused(Refused(), MalformedEvent("")))


def test_of_several_waits_asked_for_the_longest_counts() -> None:
    assert asked_wait(ExceptionGroup("", [RetryAfter(5), RetryAfter(30), RetryAfter(7)])) == 30


def test_retry_after_takes_a_timedelta_and_what_is_past_as_now() -> None:
    assert RetryAfter(timedelta(minutes=1)).seconds == 60
    assert RetryAfter(-3).seconds == 0


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), "60", True])
def test_retry_after_must_be_seconds(seconds: Any) -> None:
    with pytest.raises(RegistrationError, match="a number of seconds, or a timedelta"):
        RetryAfter(seconds)


# What can't work


async def is_busy(error: Exception) -> bool:
    return True


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"attempts": 0}, "attempts=0"),
        ({"attempts": 2.5}, "attempts=2.5"),
        ({"attempts": True}, "attempts=True"),
        ({"on": ()}, r"on=\(\)"),
        ({"on": (Refused, "Refused")}, "an exception type, a tuple of them"),
        ({"on": KeyboardInterrupt}, "KeyboardInterrupt"),
        ({"on": is_busy}, "a sync function"),
        ({"on": lambda: True}, "a sync function of the error"),
        ({"wait": -1}, "below 0"),
        ({"wait": "1"}, "a wait='1'"),
        ({"jitter": -0.1}, "jitter=-0.1"),
        ({"jitter": float("nan")}, "jitter=nan"),
        ({"jitter": "0.5"}, "jitter='0.5'"),
        ({"max_elapsed": -1}, "below 0"),
    ],
)
def test_settings_that_can_t_work_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(RegistrationError, match=text):
        Retry(**{"attempts": 3, "on": Refused, **settings})


def test_what_is_retried_must_be_said() -> None:
    with pytest.raises(TypeError, match="'on'"):
        Retry(3)  # type: ignore[call-arg]


@pytest.mark.parametrize("factor", [0.5, float("nan"), "2", None])
def test_an_exponential_wait_does_not_shrink(factor: Any) -> None:
    with pytest.raises(RegistrationError, match="factor"):
        exponential(factor=factor)


def test_a_retry_says_what_it_is_for() -> None:
    assert str(Retry(3, on=(OSError, KeyError))) == "3 attempts on OSError, KeyError"


def test_a_retry_names_the_function_that_says_what_it_is_for() -> None:
    def is_busy(error: Exception) -> bool:
        return True

    assert str(Retry(3, on=is_busy)).endswith("<locals>.is_busy")
