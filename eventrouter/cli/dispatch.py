"""``eventrouter dispatch``: run the handlers of many events, and say what became of them."""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import ExitStack, aclosing, redirect_stdout
from time import perf_counter
from typing import cast

import anyio
import click
from attrs import frozen

from eventrouter.cli.application import load_router
from eventrouter.cli.failed import FailedFile
from eventrouter.cli.input import (
    STANDARD_INPUT,
    CannotRead,
    Line,
    are_typed,
    statuses,
    take_lines,
    total_size,
)
from eventrouter.cli.interruption import INTERRUPTED, Stop
from eventrouter.cli.output import show, until_unread
from eventrouter.cli.progress import Meter
from eventrouter.cli.report import report
from eventrouter.cli.summary import Summary
from eventrouter.result import Result
from eventrouter.router import Router


@click.command()
@click.argument("app")
@click.argument(
    "files", nargs=-1, type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)
)
@click.option(
    "--failed",
    "failed_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True),
    help="Write the events that were not handled to FILE, with the error of each; dispatch FILE "
    "to try them again. What was in FILE is replaced.",
)
@click.option(
    "--concurrency",
    metavar="N",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many events are in flight at most.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the summary as one JSON document; what handlers print goes to standard error.",
)
@click.pass_context
def dispatch(
    context: click.Context,
    app: str,
    files: tuple[str, ...],
    failed_path: str | None,
    concurrency: int,
    as_json: bool,
) -> None:
    """
    Run the handlers of APP for the events in FILES, one JSON object a line.

    Without FILES, or for -, standard input is read. Ctrl-C lets the events in flight finish; a
    second one ends at once.

    The exit status is 0 if all were handled, 1 if not, 2 for wrong usage, 130 after Ctrl-C.
    """
    router = load_router(app)
    with ExitStack() as opened:
        failed = None if failed_path is None else opened.enter_context(_failed(failed_path, files))
        run = _Run(router, files, failed, concurrency, Summary.of(router))
        with ExitStack() as redirected:
            if as_json:
                redirected.enter_context(redirect_stdout(sys.stderr))
            error = anyio.run(run.dispatch, backend="asyncio")
    with until_unread():
        if as_json:
            click.echo(json.dumps(run.summary.as_json(), indent=2))
        else:
            show(*report(run.summary))
            if failed is not None and error is None:
                _show_written(failed)
    if error is not None:
        raise error
    if run.summary.is_interrupted:
        context.exit(INTERRUPTED)
    context.exit(0 if run.summary.ok == run.summary.events else 1)


def _show_written(failed: FailedFile) -> None:
    noun = "event" if failed.written == 1 else "events"
    click.echo(f"\n{failed.written:,} {noun} written to {click.format_filename(failed.path)}")


def _failed(path: str, files: tuple[str, ...]) -> FailedFile:
    try:
        if path == STANDARD_INPUT:
            raise click.BadParameter("name a file, not -", param_hint="--failed")
        if _is_among(path, files):
            raise click.BadParameter(
                f"{click.format_filename(path)} is being read, and would be emptied first",
                param_hint="--failed",
            )
        return FailedFile(path)
    except OSError as error:
        raise click.BadParameter(
            f"can't write {click.format_filename(path)}: {error.strerror}", param_hint="--failed"
        ) from error


def _is_among(path: str, files: tuple[str, ...]) -> bool:
    if not os.path.exists(path):
        return False
    own = os.stat(path)
    return stat.S_ISREG(own.st_mode) and any(os.path.samestat(own, s) for s in statuses(files))


@frozen
class _Run:
    router: Router
    files: tuple[str, ...]
    failed: FailedFile | None
    concurrency: int
    summary: Summary

    async def dispatch(self) -> click.ClickException | None:
        """Dispatch all events; the error that made it end early."""
        stop = Stop(_announce_stop)
        started = perf_counter()
        error: click.ClickException | None = None
        meter = Meter(total_size(self.files), is_hidden=are_typed(self.files))
        with meter, stop.on_ctrl_c():
            try:
                async with (
                    aclosing(take_lines(self.files, stop)) as lines,
                    aclosing(
                        self.router.dispatch_many(lines, concurrency=self.concurrency)
                    ) as results,
                ):
                    async for result in results:
                        line = cast(Line, result.raw)
                        meter.advance(line)
                        self.summary.add(result, line)
                        error = error or self._keep(result, line)
                        if error is not None:
                            stop.ask()
            except CannotRead as unreadable:
                error = unreadable
        self.summary.seconds = perf_counter() - started
        self.summary.is_interrupted = stop.is_interrupted
        return error

    def _keep(self, result: Result, line: Line) -> click.ClickException | None:
        if self.failed is None or result.ok:
            return None
        try:
            self.failed.write(result, line, line.at)
        except OSError as error:
            path = click.format_filename(self.failed.path)
            return click.ClickException(f"can't write {path}: {error.strerror}; it is incomplete")
        return None


def _announce_stop() -> None:
    click.echo("finishing what is in flight; Ctrl-C again ends at once", err=True)
