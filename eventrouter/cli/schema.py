"""``eventrouter schema``: the JSON Schemas of the payloads that a router takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from eventrouter.cli.application import load_router
from eventrouter.cli.output import until_unread


@click.command()
@click.argument("app")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a file for each type and version there; else all go to standard output.",
)
@click.option(
    "--lock",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all to a file that 'eventrouter check' compares with.",
)
def schema(app: str, out: Path | None, lock: Path | None) -> None:
    """Tell the JSON Schemas of the payloads that handlers of APP take."""
    document = load_router(app).schema()
    if lock is not None:
        _write_lock(document, lock)
    if out is not None:
        _write_files(document, out)
    elif lock is None:
        with until_unread():
            click.echo(written(document), nl=False)


def written(document: Any) -> str:
    """A document as JSON that people can read and compare line by line."""
    return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def _write_lock(document: Any, lock: Path) -> None:
    try:
        lock.write_text(written(document), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"can't write {lock}: {error.strerror}") from error
    click.echo(f"wrote {len(document['events'])} schemas to {lock}", err=True)


def _write_files(document: Any, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for entry in document["events"]:
            (out / _file_name(entry)).write_text(written(entry["schema"]), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"can't write to {out}: {error.strerror}") from error
    click.echo(f"wrote {len(document['events'])} schemas to {out}", err=True)


def _file_name(entry: Any) -> str:
    # quote() leaves letters, digits and "_.-~" alone, so that "@" only stands between the two.
    parts = [part for part in (entry["type"], entry["version"]) if part is not None]
    return f"{'@'.join(quote(part, safe='') for part in parts)}.json"
