"""
All tables: eventrouter beside its peers, measured in one run.

Prints each table and the targets, writes all figures as JSON, and draws the table of dispatching.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import asdict

from benchmarks import machine, plot
from benchmarks.tables import FULL, QUICK, TABLES
from benchmarks.targets import lines as lines_of_targets
from benchmarks.targets import targets


def main(arguments: Sequence[str] | None = None) -> None:
    options = read_options(arguments)
    effort = QUICK if options.quick else FULL
    results: dict[str, Any] = {"machine": machine.described(), "quick": options.quick, "tables": {}}
    for name in options.only:
        table = TABLES[name]
        measured = results["tables"][name] = table.results(effort)
        print(*table.lines(measured), "", sep="\n", flush=True)
    found = targets(results["tables"])
    print(*lines_of_targets(found), sep="\n")
    results["targets"] = [asdict(target) | {"met": target.is_met} for target in found]
    options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"\nwrote {options.json}")
    if "dispatch" in results["tables"]:
        draw(results, options.svg)


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the picture, or say why not."""
    try:
        plot.draw(results, path)
    except ModuleNotFoundError as error:
        print(f"no picture: {error.name} is not installed")
    else:
        print(f"drew {path}")


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--json", type=Path, default=Path("benchmarks/results.json"), metavar="FILE"
    )
    parser.add_argument("--svg", type=Path, default=Path("docs/benchmarks.svg"), metavar="FILE")
    parser.add_argument(
        "--only", nargs="+", choices=TABLES, default=list(TABLES), metavar="TABLE",
        help=f"some of the tables alone: {', '.join(TABLES)}",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="few rounds: to see that it works, not to go by"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
