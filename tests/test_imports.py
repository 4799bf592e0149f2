"""What importing the package brings with it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

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
    brought = modules_after("from eventrouter import *") - modules_after("pass")

    assert brought - OF_DEPENDENCIES == {"eventrouter"}


def test_a_name_is_imported_when_it_is_first_used() -> None:
    loaded = (
        "import eventrouter\n"
        "assert 'eventrouter.router' not in sys.modules\n"
        "eventrouter.Router\n"
        "assert 'eventrouter.router' in sys.modules"
    )

    assert "eventrouter" in modules_after(loaded)


def test_whoever_only_dispatches_does_not_wait_for_schemas() -> None:
    dispatching = (
        "import eventrouter\n"
        "router = eventrouter.Router()\n"
        "router.process_sync(b'{}')\n"
        "assert not any(name.startswith('eventrouter.schemas') for name in sys.modules)"
    )

    assert "eventrouter" in modules_after(dispatching)


def test_everything_public_is_there() -> None:
    for name in eventrouter.__all__:
        assert getattr(eventrouter, name)
        assert name in dir(eventrouter)


def test_type_checkers_see_the_same_names_in_the_same_modules() -> None:
    tree = ast.parse(Path(eventrouter.__file__).read_text())
    imported = {
        alias.name: (node.module or "").removeprefix("eventrouter.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("eventrouter.")
        for alias in node.names
    }

    assert imported == eventrouter._HOMES
    assert sorted(imported) == eventrouter.__all__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'eventrouter' has no attribute 'Ruoter'"):
        eventrouter.Ruoter  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore


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
