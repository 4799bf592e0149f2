"""
Importing eventrouter beside importing its four dependencies.

``import eventrouter`` alone imports little: each name comes when it is first used. So the import
of the router, which brings nearly all, is measured too. Each import is a process of its own, all
in turn, start-up of Python taken off.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

ROUNDS = 30
PROGRAMS = {
    "nothing": "pass",
    "its dependencies": "import attrs, cattrs, anyio, typing_extensions",
    "eventrouter": "import eventrouter",
    "its router": "from eventrouter import Router",
}


def main() -> None:
    # Compiled files must be kept, or each import compiles anew what is not installed.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for program in PROGRAMS.values():
        subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            started = perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=environment)
            seconds[name].append(perf_counter() - started)
    medians = {name: median(times) for name, times in seconds.items()}
    for name, median_seconds in medians.items():
        print(f"{name:20}{median_seconds * 1e3:8.1f} ms")
    dependencies = medians["its dependencies"] - medians["nothing"]
    for name in ("eventrouter", "its router"):
        own = medians[name] - medians["nothing"]
        print(f"{name} takes {own / dependencies:.2f} times what its dependencies take")


if __name__ == "__main__":
    main()
