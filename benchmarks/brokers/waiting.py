"""An application whose handler waits 5 ms, and notes when it was called."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

import anyio

from eventrouter import Router

SECONDS = 0.005

router = Router()


@router.on("counted")
async def wait(number: int) -> None:
    os.write(notes(), b"%d\n" % time.monotonic_ns())
    await anyio.sleep(SECONDS)


@cache
def notes() -> int:
    """The file of this process, made when it is first called."""
    path = Path(os.environ["COUNTING_FOLDER"]) / f"calls-{os.getpid()}"
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
