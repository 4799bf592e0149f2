"""What the pages of the frameworks show, run as they say, and sent an event."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest
from attrs import frozen

from eventrouter.signatures import StandardWebhooks
from tests.documents import ROOT, Block, blocks
from tests.events import raw_event
from tests.http.servers import JSON, free_port, send, started

SECRET = "whsec_" + "c2VjcmV0" * 4
PAGES = sorted((ROOT / "docs" / "frameworks").glob("*.md"))


@frozen
class Shown:
    """A program of a page, and a command of the same page that runs it."""

    program: Block
    command: str

    def __str__(self) -> str:
        return f"{self.program} {self.command.partition(' ')[0]}"


def shown(page: Path, interface: str) -> list[Shown]:
    """The programs for an interface, with the commands for it in turn."""
    found = blocks(page)
    programs = [b for b in found if b.language == "python" and f"import {interface}\n" in b.text]
    commands = [
        block.text.strip()
        for block in found
        if block.language == "console"
        if block.text.startswith("gunicorn ") == (interface == "wsgi")
    ]
    return [Shown(*pair) for pair in zip(programs, cycle(commands), strict=False)]


SHOWN = [
    pair for page in PAGES for interface in ("asgi", "wsgi") for pair in shown(page, interface)
]


def test_each_framework_has_a_page() -> None:
    named = {"django", "fastapi", "flask", "litestar", "quart", "starlette"}

    assert {page.stem for page in PAGES} == named


def test_each_program_is_run() -> None:
    programs = {
        str(block) for page in PAGES for block in blocks(page) if block.language == "python"
    }

    assert {str(pair.program) for pair in SHOWN} == programs


@pytest.mark.parametrize("pair", SHOWN, ids=str)
def test_the_program_of_a_page_takes_an_event(pair: Shown, tmp_path: Path) -> None:
    program = pair.program.text
    (tmp_path / "shop.py").write_text(program)
    port = free_port()
    command = pair.command.replace("8000", str(port))
    environment = {"WEBHOOK_SECRET": SECRET, "HOME": str(tmp_path)}
    event = raw_event()
    headers = {**JSON, **StandardWebhooks(SECRET).sign(event)}

    with started(command, port, folder=tmp_path, environment=environment) as server:
        reply = send(port, event, headers, path="/events")

    assert reply.status == (202 if "on_accept=202" in program else 200)
    assert [line for line in server.output if line.startswith("o-1 is paid")]
