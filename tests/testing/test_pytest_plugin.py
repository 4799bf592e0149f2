"""The fixtures, as tests of a user's have them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

CONFTEST = 'pytest_plugins = ["eventrouter.testing.pytest_plugin"]\n'

TESTS = """
import asyncio

from eventrouter import Retry, Router, Status
from eventrouter.testing import FailTimes

ORDER = {"event_type": "order.paid", "metadata": {"id": "e-1"}}


def test_waits_take_no_time_and_events_are_kept(fake_sleep, event_recorder):
    router = Router(sleep=fake_sleep, retry=Retry(3, on=OSError, wait=60, jitter=0))
    router.on("order.paid")(FailTimes(2, OSError))
    router.on_any(event_recorder)

    asyncio.run(router.process(ORDER))

    assert (fake_sleep.waits, event_recorder.types) == ([60, 60], ["order.paid"])


def test_the_store_goes_by_the_clock(fake_clock, memory_store):
    claim = asyncio.run(memory_store.claim("a", 10))
    asyncio.run(memory_store.complete(claim, 60))
    assert asyncio.run(memory_store.claim("a", 10)).refused is Status.DUPLICATE

    fake_clock.advance(60)

    assert asyncio.run(memory_store.claim("a", 10)).refused is None


def test_each_test_has_its_own(fake_sleep, event_recorder, memory_store):
    assert (fake_sleep.waits, event_recorder.events) == ([], [])
    assert asyncio.run(memory_store.claim("a", 10)).refused is None
"""


def test_a_test_has_the_fixtures_that_it_asks_for(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_orders.py").write_text(TESTS)

    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        # Not what this run was asked for: it would measure coverage into the same file.
        env={name: text for name, text in os.environ.items() if name != "PYTEST_ADDOPTS"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "3 passed" in finished.stdout, finished.stdout + finished.stderr


def test_who_does_not_ask_for_it_does_not_load_it() -> None:
    groups = {entry.group for entry in distribution("eventrouter").entry_points}
    program = "import sys, eventrouter.testing; print('pytest' in sys.modules)"

    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "pytest11" not in groups
    assert finished.stdout == "False\n"
