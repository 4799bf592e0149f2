"""What type checkers must take, and what they must refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TAKEN = ROOT / "tests" / "typing" / "handlers.py"
REFUSED = ROOT / "tests" / "typing" / "refused" / "mistakes.py"
CHECKERS = {
    "mypy": ["mypy", "--strict", "--no-error-summary"],
    "pyright": ["pyright", "--project", "tests/typing/pyrightconfig.json"],
}


def check(checker: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *CHECKERS[checker], str(file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.parametrize("checker", CHECKERS)
def test_decorated_functions_keep_their_types(checker: str) -> None:
    checked = check(checker, TAKEN)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_mistake_is_a_type_error_and_nothing_else_is(checker: str) -> None:
    lines = REFUSED.read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if "# error:" in line}

    reported = {
        int(line.split(f"{REFUSED.name}:")[1].partition(":")[0])
        for line in check(checker, REFUSED).stdout.splitlines()
        if f"{REFUSED.name}:" in line and "error" in line
    }

    # Of a decorated function, one checker names the line of the decorator, one that of the def.
    assert {line if line in marked else line - 1 for line in reported} == marked
