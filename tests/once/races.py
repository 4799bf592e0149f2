"""Killing processes that race for the same events, and counting the effects."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack

from attrs import frozen

from tests.postgres import effects_table, execute, schema
from tests.stores.processes import ROOT

LONGEST = 0.3  # seconds that go by before the next kill, at most


@frozen
class Outcome:
    """
    What became of the events of one run.

    Attributes:
        kills: How often a process was killed.
        effects: How many events left an effect.
        duplicates: How many effects there are besides.
        completed: How many keys are completed.
    """

    kills: int
    effects: int
    duplicates: int
    completed: int


def run(events: int, kills: int, processes: int = 2, backend: str = "asyncio") -> Outcome:
    """
    Have several processes handle the same events, killed at random and started again.

    Args:
        events: How many events.
        kills: How often one is killed, unless all have ended before.
        processes: How many race.
        backend: The event loop that they have.
    """
    killed = 0
    with schema() as store, effects_table() as effects, ExitStack() as stack:

        def start() -> subprocess.Popen[bytes]:
            arguments = [store, effects.schema, str(events), backend]
            command = [sys.executable, "-m", "tests.once.racing", *arguments]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        running = [start() for _ in range(processes)]
        while killed < kills:
            one = random.randrange(processes)
            output = running[one].stdout
            assert output is not None
            if output.readline() != b"ready\n":  # it is gone, and all are handled
                break
            time.sleep(random.uniform(0, LONGEST))
            running[one].kill()
            killed += running[one].wait() == -9
            running[one] = start()
        for process in running:
            process.communicate()
            assert process.returncode == 0, process.returncode
        left = Counter(effects.all())
        [(completed,)] = execute(f"SELECT count(*) FROM {store}.keys WHERE is_completed")
    return Outcome(killed, len(left), left.total() - len(left), completed)
