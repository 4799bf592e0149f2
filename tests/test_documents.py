"""What README, docs and examples show is what happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.brokers.redis.servers import private_server
from tests.documents import ROOT, Block, blocks, expected_output
from tests.postgres import database
from tests.services import NATS, RABBIT, require

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = [
    block for document in DOCUMENTS for block in blocks(document) if block.language == "python"
]
_REDIS = "redis://localhost:6379"
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))


@contextmanager
def server_for(text: str, folder: Path) -> Generator[str]:
    """The URL of a Redis server of the program's own, if it speaks of one."""
    if _REDIS not in text:
        yield _REDIS
        return
    (folder / "redis").mkdir()
    with private_server(folder / "redis") as server:
        yield server.url


def run(program: Path, tmp_path: Path, **environment: str) -> str:
    """What a program prints, run alone in a folder of its own, with a database if it wants one."""
    text = program.read_text()
    if "faststream" in text or "aio_pika" in text:
        pytest.importorskip("faststream", reason="the extras of brokers are not installed")
    wants_database = "DATABASE_URL" in text
    with database() if wants_database else nullcontext("") as url:
        finished = subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={
                **os.environ,
                "WEBHOOK_SECRET": "a secret of the tests",
                "DATABASE_URL": url,
                **environment,
            },
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_in_a_document_prints_what_is_shown_under_it(
    block: Block, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    with server_for(block.text, tmp_path) as redis:
        program.write_text(block.text.replace(_REDIS, redis))

        printed = run(program, tmp_path)

    assert block.output is None or printed == block.output


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_prints_what_its_last_comment_says(example: Path, tmp_path: Path) -> None:
    with server_for(example.read_text(), tmp_path) as redis:
        if "NATS_URL" in example.read_text():
            require(NATS)
        if "RABBITMQ_URL" in example.read_text():
            require(RABBIT)
        printed = run(example, tmp_path, REDIS_URL=redis, NATS_URL=NATS, RABBITMQ_URL=RABBIT)

    assert [line.rstrip() for line in printed.splitlines()] == [
        line.rstrip() for line in expected_output(example).splitlines()
    ]


def test_the_first_example_is_the_program_of_the_readme() -> None:
    def code(text: str) -> list[str]:
        lines = text.partition("# Output:")[0].splitlines()
        return [line for line in lines if line.strip() and not line.startswith('"""')]

    assert code(EXAMPLES[0].read_text()) == code(PROGRAMS[0].text)


def test_the_readme_shows_its_first_program_by_line_25() -> None:
    assert PROGRAMS[0].line <= 25


def test_the_readme_shows_exactly_two_set_up_commands() -> None:
    commands = [block.text.strip() for block in blocks(DOCUMENTS[0]) if block.language == "console"]

    assert len(commands) == 2
    assert all(command.startswith("pip install ") and " && " in command for command in commands)


def test_the_example_of_redis_tells_what_to_do_where_there_is_none(tmp_path: Path) -> None:
    [example] = [path for path in EXAMPLES if path.name == "16_redis.py"]

    printed = run(example, tmp_path, REDIS_URL="redis://127.0.0.1:1")

    assert "run docker compose" in printed


def test_the_example_of_rabbitmq_tells_what_to_do_where_there_is_none(tmp_path: Path) -> None:
    [example] = [path for path in EXAMPLES if path.name == "15_rabbitmq.py"]

    printed = run(example, tmp_path, RABBITMQ_URL="amqp://127.0.0.1:1/")

    assert "run docker compose" in printed
