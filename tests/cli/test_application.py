"""Finding the router that APP names, and saying what is wrong where there is none."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine


def message(command: CommandLine, application: str) -> str:
    """What is said of an APP that does not work; every such ends with 2."""
    result = command.run("routes", application)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


def test_modules_in_the_current_directory_are_found(command: CommandLine) -> None:
    assert command.run("routes", "app:router").exit_code == 0


def test_an_attribute_of_an_attribute_is_found(command: CommandLine) -> None:
    command.write("service.py", "import app")

    assert command.run("routes", "service:app.router").exit_code == 0


@pytest.mark.parametrize(
    ("application", "example"), [("app", "app:router"), ("app:", "app:router"), (":r", "shop:r")]
)
def test_no_module_or_no_attribute(command: CommandLine, application: str, example: str) -> None:
    assert message(command, application) == (
        f"Error: APP is MODULE:ATTRIBUTE, such as {example}, not {application!r}\n"
    )


@pytest.mark.parametrize("path", ["app.py", "./app.py"])
def test_a_path_is_answered_with_the_module(command: CommandLine, path: str) -> None:
    assert message(command, f"{path}:router") == (
        f"Error: APP names a module, not its file: app:router, not '{path}:router'\n"
    )


def test_a_module_that_is_not_there(command: CommandLine) -> None:
    assert message(command, "elsewhere:router") == (
        f"Error: no module named 'elsewhere': the current directory {command.folder} and "
        "sys.path were searched\n"
    )


def test_a_module_with_nearly_the_name_is_suggested(command: CommandLine) -> None:
    command.write("orders.py", "")

    assert message(command, "ordres:router").endswith("; did you mean orders:router?\n")


def test_a_module_in_a_folder_below_is_suggested(command: CommandLine) -> None:
    command.write("service/orders.py", "")

    assert message(command, "orders:router").endswith("; did you mean service.orders:router?\n")


def test_a_package_that_is_not_there_is_named(command: CommandLine) -> None:
    assert message(command, "nowhere.shop:router").startswith(
        "Error: no module named 'nowhere', which 'nowhere.shop' would lie in: "
    )


def test_a_module_that_lies_in_no_package(command: CommandLine) -> None:
    assert message(command, "app.inner:router").startswith("Error: no module named 'app.inner': ")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("from app import absent", "ImportError: cannot import name 'absent' from 'app'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("import sys; sys.exit('no settings')", "SystemExit: no settings"),
    ],
)
def test_an_error_inside_the_module_is_shown_as_its_own(
    command: CommandLine, code: str, error: str
) -> None:
    path = command.write("broken.py", code)

    text = message(command, "broken:router")

    assert text.startswith(
        "Error: the module 'broken' was found, but raised an error of its own:\n"
    )
    assert f'File "{path}", line 1' in text
    assert error in text
    assert "importlib" not in text


def test_a_missing_attribute_is_answered_with_the_routers_there_are(command: CommandLine) -> None:
    command.write("two.py", "from eventrouter import Router\nbilling = Router()\nshop = Router()")

    assert message(command, "two:router") == (
        "Error: two has no 'router'; the Router objects in the module: two:billing, two:shop\n"
    )


def test_a_missing_attribute_where_there_is_no_router(command: CommandLine) -> None:
    command.write("empty.py", "")

    assert message(command, "empty:router") == (
        "Error: empty has no 'router'; there is no Router in the module\n"
    )


@pytest.mark.parametrize(
    ("attribute", "what"),
    [
        ("Declined", "the class Declined"),
        ("settle", "the function settle"),
        ("number", "an object of type int"),
        ("nothing", "None"),
        ("json", "a module"),
    ],
)
def test_what_is_no_router_is_described(command: CommandLine, attribute: str, what: str) -> None:
    command.write("other.py", "import json\nfrom app import *\nnumber = 1\nnothing = None")

    assert message(command, f"other:{attribute}") == (
        f"Error: other:{attribute} is {what}, not a Router; the Router objects in the module: "
        "other:router\n"
    )


UNRESOLVABLE = """
from __future__ import annotations
from eventrouter import Router

router = Router()

@router.on("order.paid")
def settle(order: Absent) -> None: ...
"""


def test_a_registration_error_when_compiling_is_shown_without_traceback(
    command: CommandLine,
) -> None:
    command.write("wrong.py", UNRESOLVABLE)

    text = message(command, "wrong:router")

    assert text.startswith("Error: wrong:router: wrong.settle (")
    assert "Absent" in text
    assert "Traceback" not in text


def test_a_registration_error_when_importing_is_shown_without_traceback(
    command: CommandLine,
) -> None:
    command.write(
        "wrong.py", "from eventrouter import Router\nRouter().on('order.paid')(lambda: None)"
    )

    text = message(command, "wrong:router")

    assert text.startswith("Error: wrong: wrong.<lambda> (")
    assert "Traceback" not in text
