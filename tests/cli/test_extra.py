"""The command line without the extra, and the package without the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_the_extra_it_says_what_to_install(package: str) -> None:
    process = run(
        f"import sys; sys.modules[{package!r}] = None; from eventrouter.cli import main; main()"
    )

    assert process.stderr == (
        "eventrouter: the command line needs the extra: pip install 'eventrouter[cli]'\n"
    )
    assert process.returncode == 2


def test_an_import_error_of_another_kind_is_not_blamed_on_the_extra() -> None:
    process = run(
        "import sys; sys.modules['eventrouter.router'] = None\n"
        "from eventrouter.cli import main; main()"
    )

    assert "the extra" not in process.stderr


def test_importing_the_package_leaves_the_command_line_alone() -> None:
    process = run(
        "import sys, eventrouter\n"
        "print([m for m in sys.modules if m.startswith(('click', 'rich', 'eventrouter.cli'))])"
    )

    assert process.stdout == "[]\n"
