"""Programs that are killed at a line that they print."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventrouter.testing import run_and_kill

COUNT_AND_WAIT = """
import sys
for number in range(int(sys.argv[1])):
    print(number)
sys.stdin.readline()
print("it was not killed")
"""

COUNT_ON = """
from itertools import count
for number in count():
    print(number)
"""


def test_it_is_killed_at_a_line() -> None:
    assert run_and_kill(COUNT_AND_WAIT, 3, until="2") == ["0", "1", "2"]


def test_it_is_killed_after_so_many_lines() -> None:
    assert run_and_kill(COUNT_AND_WAIT, 3, until=3) == ["0", "1", "2"]


def test_what_it_prints_until_it_is_dead_is_told_in_whole_lines() -> None:
    printed = run_and_kill(COUNT_ON, until="2")

    assert printed[:3] == ["0", "1", "2"]
    assert printed == [str(number) for number in range(len(printed))]


def test_a_line_that_was_cut_off_is_not_told() -> None:
    program = """
import sys
print("whole")
sys.stdout.write("part")
"""

    with pytest.raises(AssertionError, match=r"it printed \['whole'\]"):
        run_and_kill(program, until="part")


def test_no_code_of_the_program_runs_any_more(tmp_path: Path) -> None:
    program = """
import atexit, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
atexit.register(lambda: open("cleaned", "w").close())
try:
    print("ready")
    sys.stdin.readline()
finally:
    open("finished", "w").close()
"""

    run_and_kill(program, until="ready", folder=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_program_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "count.py"
    path.write_text(COUNT_AND_WAIT)

    assert run_and_kill(path, 1, until="0") == ["0"]


def test_what_it_prints_may_be_any_text() -> None:
    assert run_and_kill("print('Zoë'); input()", until="Zoë") == ["Zoë"]


def test_one_that_ends_before_it_has_printed_the_line_is_an_error() -> None:
    with pytest.raises(AssertionError, match=r"did not print 'b' and ended with 3; it .* \['a'\]"):
        run_and_kill("print('a'); raise SystemExit(3)", until="b")


def test_one_that_never_prints_the_line_is_killed_and_an_error() -> None:
    with pytest.raises(AssertionError, match=r"did not print 'b' within 0.01 s"):
        run_and_kill("input()", until="b", timeout=0.01)
