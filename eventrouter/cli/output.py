"""Writing to a terminal or a pipe, whatever text events hold and whoever reads it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.console import Console, RenderableType

READABLE_WIDTH = 100  # past that many characters, a line of prose is hard to read
_UNBOUNDED = 10_000  # a pipe has no width: no row of a table is folded there


def printable(text: str, longest: int) -> str:
    """
    The text on one line, cut past ``longest`` characters.

    Events and errors hold what strangers wrote, and control characters rule a terminal; those
    are escaped.
    """
    words = " ".join(text[: longest * 4].split())
    cut = words if len(words) <= longest else words[: longest - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def show(*renderables: RenderableType) -> None:
    """
    Write to standard output, styled if it is a terminal.

    Raises:
        OSError: If it can't be written to.
    """
    console = Console(file=sys.stdout, width=_width(), highlight=False)
    # rich would end the process on a broken pipe; so it only renders.
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    text = "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())
    click.echo(text, nl=False, color=True)


def fits(renderable: RenderableType) -> bool:
    """Whether no line of it need be folded."""
    return Console(width=_UNBOUNDED).measure(renderable).maximum <= _width()


def prose_width() -> int:
    """How wide a paragraph is."""
    return min(shutil.get_terminal_size().columns, READABLE_WIDTH)


@contextmanager
def until_unread() -> Generator[None]:
    """
    Let the body write to standard output, and end it quietly if nobody reads that any more.

    Raises:
        click.ClickException: If it can't be written to for any other reason.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        raise click.ClickException(f"can't write to standard output: {error.strerror}") from error


def _width() -> int:
    return shutil.get_terminal_size((_UNBOUNDED, 24)).columns


def _discard_output() -> None:
    # What is buffered is written once more at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
