"""``eventrouter check``: whether a router still understands what it did, or is understood."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from eventrouter.cli.application import load_router
from eventrouter.cli.options import json_option
from eventrouter.cli.output import until_unread
from eventrouter.cli.sarif import sarif_log
from eventrouter.errors import UnreadableLock
from eventrouter.schemas.compatibility import Finding, Mode, compatibility
from eventrouter.schemas.contract import parse_document
from eventrouter.schemas.rules import Level

_BROKEN = 1


class WrongLock(click.ClickException):
    """Raised when what is to be compared with can't be read."""

    exit_code = 2


@click.command()
@click.argument("app")
@click.option(
    "--against",
    "lock",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="What 'eventrouter schema APP --lock FILE' wrote of the code before.",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.BACKWARD.value,
    show_default=True,
    help="Backward: APP takes what was sent before. Forward: the code before takes what is sent to "
    "APP. Full: both.",
)
@json_option
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0, for code hosts.")
@click.pass_context
def check(
    context: click.Context, app: str, lock: Path, mode: str, as_json: bool, as_sarif: bool
) -> None:
    """
    Compare what APP takes with what it took before, one line a finding.

    The status is 1 if something breaks; warnings alone leave it 0.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif are two forms of output; choose one")
    text = _read(lock)
    try:
        old = parse_document(text)
    except UnreadableLock as error:
        raise WrongLock(f"{lock} can't be compared with: {error}") from error
    findings = compatibility(old, load_router(app).schema(), Mode(mode))
    with until_unread():
        if as_sarif:
            click.echo(json.dumps(sarif_log(findings, lock.as_posix(), text), indent=2))
        elif as_json:
            click.echo(json.dumps(_members(findings, mode, lock), indent=2))
        else:
            _show(findings, mode, lock)
    if any(finding.level is Level.ERROR for finding in findings):
        context.exit(_BROKEN)


def _read(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongLock(f"can't read {lock}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongLock(f"{lock} can't be compared with: it is not UTF-8: {error}") from error


def _show(findings: Sequence[Finding], mode: str, lock: Path) -> None:
    for finding in findings:
        click.echo(str(finding))
    if not findings:
        click.echo(f"nothing found: {mode} compatible with {lock}")


def _members(findings: Sequence[Finding], mode: str, lock: Path) -> dict[str, Any]:
    levels = [finding.level for finding in findings]
    return {
        "mode": mode,
        "against": str(lock),
        "errors": levels.count(Level.ERROR),
        "warnings": levels.count(Level.WARNING),
        "findings": [attrs.asdict(finding) for finding in findings],
    }
