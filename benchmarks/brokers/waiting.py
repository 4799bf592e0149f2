"""An application whose handler waits 5 ms, and notes when it was called."""

from __future__ import annotations

import os
import time
from pathlib import Path

import anyio

from eventrouter import Router

SECONDS = 0.005
_NOTES = os.open(
    Path(os.environ.get("COUNTING_FOLDER", ".")) / f"calls-{os.getpid()}",
    os.O_WRONLY | os.O_APPEND | os.O_CREAT,
)

router = Router()


@router.on("counted")
async def wait(number: int) -> None:
    os.write(_NOTES, b"%d\n" % time.monotonic_ns())
    await anyio.sleep(SECONDS)
