"""Callbacks without the extra, and the package without callbacks."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_without_the_extra_it_says_what_to_install() -> None:
    process = run(
        "import sys; sys.modules['httpx2'] = None\n"
        "from eventrouter.integrations.callbacks import Callbacks"
    )

    assert process.stderr.splitlines()[-1] == (
        "ImportError: callbacks need the extra: pip install 'eventrouter[callbacks]'"
    )


def test_an_import_error_of_another_kind_is_not_blamed_on_the_extra() -> None:
    process = run(
        "import sys; sys.modules['eventrouter.event'] = None\n"
        "from eventrouter.integrations.callbacks import Callbacks"
    )

    assert "ModuleNotFoundError" in process.stderr
    assert "the extra" not in process.stderr


def test_importing_the_package_leaves_callbacks_alone() -> None:
    process = run(
        "import sys\nfrom eventrouter import *\n"
        "print([m for m in sys.modules if m.startswith(('httpx2', 'eventrouter.integrations'))])"
    )

    assert process.stdout == "[]\n"
