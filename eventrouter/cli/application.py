"""Finding what ``module:attribute`` names, and saying what was found instead."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, TypeVar

import click

from eventrouter.errors import RegistrationError
from eventrouter.router import Router

T = TypeVar("T")

_LOOKED_AT = 2_000  # files near the current directory, before the search for near names ends


class WrongApplication(click.ClickException):
    """Raised when an APP leads to no router that works."""

    exit_code = 2


def load_router(application: str) -> Router:
    """
    Import the module and get the router in it, compiled.

    Args:
        application: ``module:attribute``. The current directory is searched first.

    Raises:
        WrongApplication: If there is no such router, or it can't be compiled.
    """
    router = load(application, Router)
    compile_router(application, router)
    return router


def compile_router(application: str, router: Router) -> None:
    """
    Compile a router that was found in APP.

    Raises:
        WrongApplication: If it can't be compiled.
    """
    try:
        router.compile()
    except RegistrationError as error:
        raise WrongApplication(f"{application}: {error}") from error


def load(application: str, *kinds: type[T]) -> T:
    """
    Import the module and get what is in it.

    Args:
        application: ``module:attribute``. The current directory is searched first.
        kinds: The classes it may be of.

    Raises:
        WrongApplication: If there is no such object.
    """
    module_name, _, attribute = application.partition(":")
    if _is_path(module_name):
        dotted = ".".join(Path(module_name).with_suffix("").parts).strip("./\\")
        raise WrongApplication(
            f"APP names a module, not its file: {dotted}:{attribute or 'router'}, "
            f"not {application!r}"
        )
    if not module_name or not attribute:
        raise WrongApplication(
            f"APP is MODULE:ATTRIBUTE, such as {module_name or 'shop'}:{attribute or 'router'}, "
            f"not {application!r}"
        )
    directory = str(Path.cwd())
    if sys.path[:1] != [directory]:
        sys.path.insert(0, directory)
    module = _imported(module_name, attribute)
    return _attribute(module, attribute, kinds)


def _imported(name: str, attribute: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if _is_of(name, error.name):
            raise _not_found(name, attribute, error.name) from error
        raise _failed_inside(name, error) from error
    except RegistrationError as error:
        raise WrongApplication(f"{name}: {error}") from error
    except (Exception, SystemExit) as error:
        raise _failed_inside(name, error) from error


def _is_path(name: str) -> bool:
    return "/" in name or os.sep in name or Path(name).is_file()


def _is_of(name: str, missing: str | None) -> bool:
    """Whether what is missing is the module itself, or a package it would lie in."""
    return missing is not None and f"{name}.".startswith(f"{missing}.")


def _not_found(name: str, attribute: str, missing: str | None) -> WrongApplication:
    needed = "" if missing == name else f", which {name!r} would lie in"
    near = _near_module(name)
    hint = f"; did you mean {near}:{attribute}?" if near else ""
    return WrongApplication(
        f"no module named {missing!r}{needed}: the current directory {Path.cwd()} and sys.path "
        f"were searched{hint}"
    )


def _failed_inside(name: str, error: BaseException) -> WrongApplication:
    own = _frames_from_module(error.__traceback__)
    lines = "".join(traceback.format_exception(type(error), error, own)).rstrip()
    return WrongApplication(
        f"the module {name!r} was found, but raised an error of its own:\n{lines}"
    )


def _frames_from_module(frames: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this file and of Python's import system."""
    machinery = {__file__, importlib.__file__}
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if file not in machinery and not file.startswith("<frozen importlib"):
            return frames
        frames = frames.tb_next
    return None


def _attribute(module: ModuleType, attribute: str, kinds: tuple[type[T], ...]) -> T:
    found: Any = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise WrongApplication(
                f"{module.__name__} has no {attribute!r}{_objects(module, kinds)}"
            ) from error
    if not isinstance(found, kinds):
        raise WrongApplication(
            f"{module.__name__}:{attribute} is {_described(found)}, not a {_named(kinds)}"
            f"{_objects(module, kinds)}"
        )
    return found


def _objects(module: ModuleType, kinds: tuple[type[Any], ...]) -> str:
    names = sorted(name for name, value in vars(module).items() if isinstance(value, kinds))
    if not names:
        return f"; there is no {_named(kinds)} in the module"
    found = ", ".join(f"{module.__name__}:{name}" for name in names)
    return f"; the {_named(kinds)} objects in the module: {found}"


def _named(kinds: tuple[type[Any], ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def _described(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, ModuleType):
        return "a module"
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"the function {value.__qualname__}"
    return f"an object of type {type(value).__qualname__}"


def _near_module(name: str) -> str | None:
    """A module in the current directory, or one below, with nearly that name."""
    modules = list(islice(_modules_nearby(), _LOOKED_AT))
    elsewhere = [module for module in modules if module.rpartition(".")[2] == name]
    near = elsewhere or difflib.get_close_matches(name, modules, n=1, cutoff=0.7)
    return near[0] if near else None


def _modules_nearby() -> Iterator[str]:
    for entry in sorted(Path.cwd().iterdir()):
        if entry.suffix == ".py":
            yield entry.stem
        elif entry.name.isidentifier() and entry.is_dir():
            for inner in sorted(entry.glob("*.py")):
                yield entry.name if inner.stem == "__init__" else f"{entry.name}.{inner.stem}"
