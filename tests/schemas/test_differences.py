"""What is known to differ between a schema and the router, and that each of it does."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from annotated_types import Ge
from jsonschema import Draft202012Validator

from tests.documents import ROOT
from tests.schemas.agreement import KNOWN, Both, schema_of

EXAMPLES: list[tuple[str, Any, Any]] = [
    ("an integer written as `1.0`", int, 1.0),
    ("an integer beyond any float", float, 10**400),
    ("a date-time whose moment", datetime, "0001-01-01T00:00:00+01:00"),
    ("a duration of over", timedelta, "P1000000000D"),
    ("an object with two spellings", dict[Decimal, int], {"1.0": 1, "1": 2}),
    ("a text that ends with a line break", date, "2024-08-20\n"),
]


@pytest.mark.parametrize(("known", "example"), list(zip(KNOWN, EXAMPLES, strict=True)))
def test_each_known_difference_is_one(known: Any, example: tuple[str, Any, Any]) -> None:
    what, target, payload = example
    both = Both(target)

    assert known.what.startswith(what)
    assert both.fits(payload)
    assert not both.takes(payload)
    assert known.is_in(payload)


def test_an_integer_out_of_bounds_beside_float_differs_too() -> None:
    both = Both(float | Annotated[int, Ge(10)])

    assert both.fits(5)
    assert not both.takes(5)
    assert both.fits(5.0)
    assert both.takes(5.0)


def test_the_page_on_schemas_lists_them_all() -> None:
    page = " ".join((ROOT / "docs" / "schemas.md").read_text().split())

    assert [known.what for known in KNOWN if f"- {known.what}: {known.why}" not in page] == []


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (datetime, "2024-08-20T05:21:19Z"),
        (datetime, "2024-08-20T05:21:19.5+05:30"),
        (date, "2024-02-29"),
    ],
)
def test_a_validator_that_asserts_formats_takes_what_the_router_takes(
    target: Any, text: str
) -> None:
    checker = Draft202012Validator.FORMAT_CHECKER
    validator = Draft202012Validator(schema_of(target), format_checker=checker)

    assert schema_of(target)["format"] in checker.checkers
    assert validator.is_valid(text)
    assert Both(target).takes(text)
    assert not validator.is_valid(f"{text} ")
