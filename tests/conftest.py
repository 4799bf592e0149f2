"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real events beside a checkout; a clone alone has none."""
    if not SHARED.is_dir():
        if os.environ.get("EVENTROUTER_REQUIRE_SHARED") == "1":
            pytest.fail(f"{SHARED} is required and absent")
        pytest.skip("the shared event data lies beside a checkout, not in a clone alone")
    return SHARED
