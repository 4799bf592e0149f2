"""Doing what must be refused."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def refused_with(error: type[Exception]) -> Generator[None]:
    """
    Do what must raise that error.

    Raises:
        AssertionError: If it does not.
    """
    try:
        yield
    except error:
        return
    raise AssertionError(f"nothing raised {error.__name__}")
