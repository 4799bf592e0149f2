"""The table of dispatching as a picture: SVG whose text stays text."""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

STYLE: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "eventrouter", "font.size": 8}

COLOURS = {
    "floor": "#8a8f98",
    "by hand": "#5b8def",
    "eventrouter": "#e4572e",
    "framework": "#b8c0cc",
}


def draw(results: Mapping[str, Any], path: Path) -> None:
    """
    Draw a panel a size: horizontal bars on a log scale, in the order of the first size.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    table = results["tables"]["dispatch"]
    kinds = {name: contender["kind"] for name, contender in table["contenders"].items()}
    first = next(iter(table["seconds"].values()))
    names = sorted(first, key=first.__getitem__, reverse=True)
    slowest = max(max(seconds.values()) for seconds in table["seconds"].values())
    machine = results["machine"]
    with matplotlib.rc_context(STYLE):
        figure, panels = pyplot.subplots(
            1,
            len(table["seconds"]),
            figsize=(12, 0.2 * len(names) + 1.4),
            sharex=True,
            sharey=True,
            layout="constrained",
        )
        for panel, (size, seconds) in zip(panels, table["seconds"].items(), strict=True):
            microseconds = [seconds[name] * 1e6 for name in names]
            bars = panel.barh(names, microseconds, color=[COLOURS[kinds[name]] for name in names])
            panel.bar_label(bars, fmt="%.3g", padding=2)
            panel.set_xscale("log")
            panel.minorticks_off()
            panel.tick_params(axis="y", length=0)
            panel.margins(y=0.01)
            panel.spines[["top", "right"]].set_visible(False)
            panel.set_title(f"{size} event, {table['bytes'][size]:,} bytes")
            panel.set_xlabel("µs an event, log scale")
        panels[0].set_xlim(min(first.values()) * 1e6 / 2, slowest * 1e6 * 4)
        swatches = [Patch(color=colour) for colour in COLOURS.values()]
        figure.legend(swatches, list(COLOURS), loc="outside lower center", ncols=4, frameon=False)
        figure.suptitle(
            "Raw JSON to a handler with a typed payload: "
            f"{machine['date']}, {machine['python']}, {machine['cpu']}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})
        pyplot.close(figure)
