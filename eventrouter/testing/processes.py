"""Programs that are killed in the middle of their work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer


def run_and_kill(
    program: str | Path,
    *arguments: object,
    until: str | int,
    timeout: float = 60.0,
    folder: Path | None = None,
) -> list[str]:
    """
    Run a program in a process of its own, and kill it once it has printed something.

    It can't see that coming nor do anything about it, as it can't when a machine fails: SIGKILL,
    or what comes nearest on Windows. By then it may have gone on a little; what waits for a line
    of its standard input, which none comes to, has not. Programs that it started live on.

    Args:
        program: What Python runs: the text of a program, or the path of one.
        arguments: What it finds in ``sys.argv[1:]``, made texts.
        until: The line that it prints, or how many lines, when it is to be killed.
        timeout: The seconds after which it is killed if it has not printed that.
        folder: Where it runs; by default where the tests do.

    Returns:
        All lines that it printed before it was dead, without one that was cut off. What it wrote
        to standard error goes where that of the tests goes.

    Raises:
        AssertionError: If it ended, or its time was over, before it had printed that.
    """
    source = ("-c", program) if isinstance(program, str) else (str(program.absolute()),)
    with subprocess.Popen(
        # -u, so that what is printed is there to be read before the program ends.
        [sys.executable, "-u", *source, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ) as process:
        late = Event()
        timer = Timer(timeout, _kill_late, (process, late))
        timer.start()
        try:
            lines, printed = _lines(process), list[str]()
            while (
                not (is_there := _has(printed, until)) and (line := next(lines, None)) is not None
            ):
                printed.append(line)
            process.kill()
            printed += lines
        finally:
            timer.cancel()
            process.kill()
    if not is_there:
        end = f"within {timeout:g} s" if late.is_set() else f"and ended with {process.returncode}"
        raise AssertionError(f"the program did not print {until!r} {end}; it printed {printed}")
    return printed


def _kill_late(process: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    process.kill()


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The lines that it prints, as they come; a last one that was cut off is none."""
    for line in process.stdout or ():
        if line.endswith(b"\n"):
            yield line.decode("utf-8", "replace").rstrip("\r\n")


def _has(printed: list[str], until: str | int) -> bool:
    if isinstance(until, str):
        return printed[-1:] == [until]
    return len(printed) >= until
