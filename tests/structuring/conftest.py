"""The converter in both its modes: in detail, and stopping at the first mismatch."""

from __future__ import annotations

import pytest
from cattrs import Converter

from tests.structuring.converters import DETAILED, FIRST_ONLY


@pytest.fixture(params=[DETAILED, FIRST_ONLY], ids=["detailed", "first only"])
def converter(request: pytest.FixtureRequest) -> Converter:
    """A converter that a test registers nothing on."""
    made: Converter = request.param
    return made
