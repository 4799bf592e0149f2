"""A summary as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE
from rich.console import RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventrouter.cli.output import printable, prose_width
from eventrouter.cli.summary import Problem, Subject, Summary, Unnamed
from eventrouter.result import Status

_STYLES = {
    Status.HANDLED: "green",
    Status.IGNORED: "dim",
    Status.DUPLICATE: "dim",
    Status.IN_PROGRESS: "yellow",
    Status.UNROUTED: "yellow",
}
_WRONG = "red"
_LONGEST_TYPE = 60  # characters
_LONGEST_ERROR = 240


def report(summary: Summary) -> Iterator[RenderableType]:
    """The table of event types and statuses, the speed, and what went wrong."""
    if summary.events:
        yield _table(summary)
    yield _speed(summary)
    if summary.problems:
        yield Text("\nWhat went wrong, with the first of each:", style="bold")
    for problem in summary.problems:
        yield _headline(problem)
        yield _example(problem)


def _table(summary: Summary) -> Table:
    statuses = [status for status in Status if any(s is status for _, s in summary.counts)]
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, show_footer=True)
    table.add_column("event type", Text("all"), overflow="fold")
    for status in statuses:
        count = sum(n for (_, s), n in summary.counts.items() if s is status)
        table.add_column(
            _words(status), Text(f"{count:,}"), justify="right", style=_STYLES.get(status, _WRONG)
        )
    table.add_column("all", Text(f"{summary.events:,}"), justify="right")
    for subject in sorted({subject for subject, _ in summary.counts}, key=_place_in_table):
        counts = [summary.counts.get((subject, status), 0) for status in statuses]
        cells = [f"{count:,}" if count else "" for count in (*counts, sum(counts))]
        table.add_row(_name(subject), *cells)
    return table


def _place_in_table(subject: Subject) -> tuple[int, str]:
    if isinstance(subject, Unnamed):
        return 1, subject.value
    return 0, subject


def _name(subject: Subject) -> Text:
    if isinstance(subject, Unnamed):
        return Text(f"({subject.value})", style="dim")
    return Text(printable(subject, _LONGEST_TYPE))


def _speed(summary: Summary) -> Text:
    end = ", then interrupted" if summary.is_interrupted else ""
    if not summary.events:
        return Text(f"no events{end}")
    noun = "event" if summary.events == 1 else "events"
    lines = [
        f"\n{summary.events:,} {noun} in {_duration(summary.seconds)}, "
        f"{summary.rate:,.0f} events/s{end}"
    ]
    slowest = summary.slowest
    if slowest is not None:
        lines.append(
            f"slowest handler: {slowest.handler}, {_duration(slowest.seconds)} at {slowest.place}"
        )
    return Text("\n".join(lines))


def _headline(problem: Problem) -> Text:
    return Text.assemble(
        "\n",
        (f"{problem.count:,} {_words(problem.status)}", _STYLES.get(problem.status, _WRONG)),
        "  ",
        _name(problem.subject),
        "  ",
        (problem.place, "cyan"),
    )


def _example(problem: Problem) -> Constrain:
    text = f"{problem.error}: {problem.message}" if problem.error else problem.message
    example = Text(printable(text, _LONGEST_ERROR))
    if problem.handlers:
        example.append(f"\nin {', '.join(problem.handlers)}", style="dim")
    return Constrain(Padding(example, (0, 0, 0, 2)), prose_width())


def _words(status: Status) -> str:
    return status.value.replace("_", " ")


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1_000_000:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1_000:.1f} ms"
    return f"{seconds:,.2f} s"
