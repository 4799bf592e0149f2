"""
A process that accepts events and processes them is killed at random moments, over and over.

Each event leaves a line in a file of its own. All must be there in the end; one may be there more
often only if it was being processed, or being accepted, when the process was killed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.inbox.kills import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--kills", type=int, default=10, help="of each run, at most")
    options = parser.parse_args()
    print(f"{'run':>4}{'kills':>8}{'completed':>12}{'in flight':>12}{'duplicates':>12}{'left':>8}")
    is_right = True
    for number in range(1, options.runs + 1):
        with TemporaryDirectory() as folder:
            found = run(Path(folder), options.events, options.kills)
        is_right = is_right and found.completed == options.events and found.left == 0
        is_right = is_right and found.duplicates <= found.in_flight
        print(
            f"{number:4}{found.kills:8}{found.completed:8}/{options.events}{found.in_flight:12}"
            f"{found.duplicates:12}{found.left:8}",
            flush=True,
        )
    print("nothing was lost" if is_right else "SOMETHING IS WRONG")
    raise SystemExit(not is_right)


if __name__ == "__main__":
    main()
