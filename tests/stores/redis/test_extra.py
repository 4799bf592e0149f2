"""Without the extra it says what to install, and nobody else waits for it."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = "import sys\nsys.modules['redis'] = None\n"


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_without_the_extra_it_says_what_to_install() -> None:
    finished = run(f"{WITHOUT}from eventrouter.stores import RedisStore")

    assert "RedisStore needs the extra: pip install 'eventrouter[redis]'" in finished.stderr


def test_without_the_extra_all_else_is_there() -> None:
    finished = run(f"{WITHOUT}from eventrouter.stores import *\nSqliteStore")

    assert finished.returncode == 0, finished.stderr


def test_it_is_imported_when_it_is_first_used() -> None:
    finished = run(
        "import sys, eventrouter.stores\n"
        "assert 'redis' not in sys.modules\n"
        "assert 'RedisStore' in dir(eventrouter.stores)\n"
        "eventrouter.stores.RedisStore\n"
        "assert 'redis' in sys.modules"
    )

    assert finished.returncode == 0, finished.stderr
