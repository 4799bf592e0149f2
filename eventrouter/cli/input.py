"""Reading events, one a line, from files and standard input."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from io import FileIO

import click

from eventrouter.cli.failed import read_failed
from eventrouter.cli.interruption import Stop

STANDARD_INPUT = "-"

_CHUNK = 1 << 18  # bytes


class CannotRead(click.ClickException):
    """Raised when a file, or standard input, can't be read to its end."""

    def __init__(self, file: str, error: OSError) -> None:
        super().__init__(f"can't read {shown_name(file)}: {error.strerror or error}")


class Line(bytes):
    """
    An event as it arrived, that knows from where.

    The router hands it back in the result, which may come out of order.

    Attributes:
        place: The file and line it was read from.
        at: The same, or where it was first, if it was read from a file of failed events.
        size: The bytes read for it, with the end of the line and blank lines before it.
    """

    place: str
    at: str
    size: int

    def __new__(cls, original: bytes, place: str, at: str | None, size: int) -> Line:
        """Make it of the event's bytes."""
        line = super().__new__(cls, original)
        line.place = place
        line.at = at or place
        line.size = size
        return line


class LineSplitter:
    """
    Makes lines of the chunks of one file; blank ones are skipped, though counted.

    Args:
        file: Its name.
    """

    def __init__(self, file: str) -> None:
        self._name = shown_name(file)
        self._number = 0
        self._unfinished: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that end in this chunk."""
        first, *others = chunk.split(b"\n")
        self._unfinished.append(first)
        for start_of_next in others:
            yield from self._line(end=b"\n")
            self._unfinished.append(start_of_next)

    def end(self) -> Iterator[Line]:
        """The last line, if no newline ended it."""
        yield from self._line(end=b"")

    def _line(self, end: bytes) -> Iterator[Line]:
        text = b"".join(self._unfinished)
        self._unfinished.clear()
        self._number += 1
        self._size += len(text) + len(end)
        if not text or text.isspace():
            return
        place = f"{self._name}:{self._number}"
        size, self._size = self._size, 0
        failed = read_failed(text)
        if failed is None:
            yield Line(text.removesuffix(b"\r"), place, None, size)
        else:
            yield Line(failed.original, place, failed.at, size)


class Chunks:
    """
    The bytes of one file as they come, however few at a time; it is opened when first read.

    Args:
        file: Its name, or ``-`` for standard input.
    """

    def __init__(self, file: str) -> None:
        self._name = file
        self._file: FileIO | None = None

    def next(self) -> bytes:
        """
        Wait for more bytes; there are none at the end.

        Raises:
            CannotRead: If it can't be opened or read.
        """
        try:
            self._file = self._file or _open(self._name)
            while (chunk := self._file.read(_CHUNK)) is None:  # pyright: ignore[reportUnnecessaryComparison]
                select.select([self._file], [], [])  # whoever shares it asked not to wait
        except OSError as error:
            raise CannotRead(self._name, error) from error
        if not chunk:
            self.close()
        return chunk

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._file is not None:
            self._file.close()


def read_lines(files: Sequence[str]) -> Iterator[Line]:
    """
    The lines of all the files, of standard input if there are none.

    Raises:
        CannotRead: If one can't be read.
    """
    for file in files or [STANDARD_INPUT]:
        splitter, chunks = LineSplitter(file), Chunks(file)
        try:
            while chunk := chunks.next():
                yield from splitter.feed(chunk)
            yield from splitter.end()
        finally:
            chunks.close()


async def take_lines(files: Sequence[str], stop: Stop) -> AsyncGenerator[Line]:
    """
    The same without blocking the event loop, until a stop is asked for.

    Raises:
        CannotRead: If one can't be read.
    """
    for file in files or [STANDARD_INPUT]:
        splitter, chunks = LineSplitter(file), Chunks(file)
        try:
            while chunk := await stop.unless_asked(chunks.next):
                for line in splitter.feed(chunk):
                    if stop.is_asked:
                        return
                    yield line
            if stop.is_asked:
                return
            for line in splitter.end():
                yield line
        finally:
            if not stop.is_calling:
                chunks.close()


def shown_name(file: str) -> str:
    """The file's name as people read it."""
    return "<stdin>" if file == STANDARD_INPUT else click.format_filename(file)


def statuses(files: Sequence[str]) -> Iterator[os.stat_result]:
    """What the system knows of each file; those it knows nothing of are left out."""
    for file in files or [STANDARD_INPUT]:
        try:
            yield os.fstat(_standard_input()) if file == STANDARD_INPUT else os.stat(file)
        except OSError:
            continue


def total_size(files: Sequence[str]) -> int | None:
    """How many bytes there are to read, or None where a pipe or a terminal is among them."""
    known = list(statuses(files))
    if len(known) < len(files or [STANDARD_INPUT]):
        return None
    if not all(stat.S_ISREG(status.st_mode) for status in known):
        return None
    return sum(status.st_size for status in known)


def are_typed(files: Sequence[str]) -> bool:
    """Whether someone types the events at a terminal."""
    return STANDARD_INPUT in (files or [STANDARD_INPUT]) and bool(sys.stdin and sys.stdin.isatty())


def _open(file: str) -> FileIO:
    # Without a buffer: a thread that is abandoned while it waits would hold the buffer's lock,
    # which Python needs to end.
    if file == STANDARD_INPUT:
        return FileIO(_standard_input(), closefd=False)
    return FileIO(file)


def _standard_input() -> int:
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise OSError("it is closed")
    return sys.stdin.fileno()
