"""Each guarantee names a test, and the test is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.documents import ROOT

PROMISES, NOT_PROMISED = (ROOT / "docs" / "guarantees.md").read_text().split("## What is not\n")
GUARANTEES = re.findall(r"^- .*?(?=^- |^\n|\Z)", PROMISES, re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("guarantee", GUARANTEES, ids=lambda text: text[2:60])
def test_the_test_that_proves_a_guarantee_is_there(guarantee: str) -> None:
    named = _TEST.findall(guarantee)

    assert named
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text())
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_nothing_else_on_the_page_names_a_test() -> None:
    assert GUARANTEES
    assert PROMISES.count("`tests/") == sum(len(_TEST.findall(text)) for text in GUARANTEES)
    assert "`tests/" not in NOT_PROMISED
