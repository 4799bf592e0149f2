"""The scenarios of all brokers, on NATS JetStream."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers.rig import Rig
from tests.brokers.scenarios import Scenarios


class TestNats(Scenarios):
    @pytest.mark.xfail(
        reason="an event processed beside the deadly one is now and then set aside with it, see "
        "docs/brokers-nats.md",
        strict=False,
    )
    async def test_an_event_that_ends_its_process_is_set_aside_and_no_other(
        self, rig: Rig, tmp_path: Path
    ) -> None:
        await super().test_an_event_that_ends_its_process_is_set_aside_and_no_other(rig, tmp_path)
