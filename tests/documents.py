"""Fenced blocks in Markdown, and expected output in examples."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@frozen
class Block:
    """A fenced block, and the output shown right after it."""

    document: str
    line: int
    language: str
    text: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document, each ``text`` block as the output of the one before."""
    content = document.read_text()
    found: list[Block] = []
    matches = list(_FENCE.finditer(content))
    for match, following in pairwise([*matches, None]):
        assert match is not None
        shown = None
        if following and following["language"] == "text":
            between = content[match.end() : following.start()]
            shown = following["text"] if not between.strip() else None
        found.append(
            Block(
                str(document.relative_to(ROOT)),
                content[: match.start()].count("\n") + 1,
                match["language"],
                match["text"],
                shown,
            )
        )
    return found


def expected_output(example: Path) -> str:
    """What the comment at the end of an example says that it prints."""
    _, _, shown = example.read_text().partition("# Output:\n")
    return "".join(f"{line.removeprefix('#').removeprefix(' ')}\n" for line in shown.splitlines())
