"""
Processes race for the same events, and are killed at random moments, over and over.

Each event leaves a row in PostgreSQL, in the transaction that remembers that it was handled. In the
end there must be one row of each.
"""

from __future__ import annotations

import argparse

from tests.once.races import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=20, help="of each run, at most")
    parser.add_argument("--processes", type=int, default=3)
    options = parser.parse_args()
    print(f"{'run':>4}{'kills':>8}{'effects':>12}{'duplicates':>12}{'keys':>8}")
    is_right = True
    for number in range(1, options.runs + 1):
        found = run(options.events, options.kills, options.processes)
        is_right = is_right and found.effects == found.completed == options.events
        is_right = is_right and found.duplicates == 0
        print(
            f"{number:4}{found.kills:8}{found.effects:7}/{options.events}{found.duplicates:12}"
            f"{found.completed:8}",
            flush=True,
        )
    print("each effect is there once" if is_right else "SOMETHING IS WRONG")
    raise SystemExit(not is_right)


if __name__ == "__main__":
    main()
