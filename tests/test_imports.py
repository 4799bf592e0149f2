"""What importing the package brings with it."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import eventrouter

ROOT = Path(__file__).parents[1]
#: What the four dependencies consist of and need themselves, if installed.
OF_DEPENDENCIES = {
    "attr",
    "attrs",
    "cattr",
    "cattrs",
    "anyio",
    "typing_extensions",
    "sniffio",
    "idna",
    "exceptiongroup",
}


def modules_after(code: str) -> set[str]:
    """The top-level modules outside the standard library that are loaded after some code."""
    shown = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    top = {name.partition(".")[0] for name in shown.split()}
    return {name for name in top if name not in sys.stdlib_module_names and name != "__main__"}


def test_importing_it_imports_its_dependencies_and_nothing_else() -> None:
    brought = modules_after("import eventrouter") - modules_after("pass")

    assert brought - OF_DEPENDENCIES == {"eventrouter"}


def test_everything_public_is_there() -> None:
    for name in eventrouter.__all__:
        assert getattr(eventrouter, name)


def test_everything_public_is_documented() -> None:
    undocumented = [
        name
        for name in eventrouter.__all__
        if inspect.isroutine(getattr(eventrouter, name))
        or isinstance(getattr(eventrouter, name), type)
        if not getattr(eventrouter, name).__doc__
    ]

    assert undocumented == []


def test_the_version_is_the_installed_one() -> None:
    assert version("eventrouter") == eventrouter.__version__


def test_the_changelog_s_newest_version_is_this_one_or_to_come() -> None:
    headings = [
        line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line[:4] == "## ["
    ]

    assert headings[0] == "## [Unreleased]"
    if ".dev" not in eventrouter.__version__:
        assert headings[1].startswith(f"## [{eventrouter.__version__}]")


def test_the_hard_dependencies_are_these_four() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [requirement.partition(">=")[0] for requirement in project["dependencies"]]

    assert names == ["attrs", "cattrs", "anyio", "typing-extensions"]
