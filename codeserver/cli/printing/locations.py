"""The locations of a server: a line for each, with the error of one that does not load below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from codeserver.api import v1
from codeserver.cli.printing.location import counts_in_short, state_part
from codeserver.cli.printing.screen import Part, Screen
from codeserver.cli.printing.words import counted, duration, one_line, printable, seconds_of

_GAP = "  "
_NOTHING = "-"


def show_locations(out: Screen, locations: Sequence[v1.Location]) -> None:
    """Print a table of the locations. Columns without any text are left out."""
    rows = [[make(each) for make in _COLUMNS.values()] for each in locations]
    if len({_python(each) for each in locations}) < 2:
        rows = [row[:-1] for row in rows]
    used = [n for n, cells in enumerate(zip(*rows, strict=True)) if any(text for text, _ in cells)]
    titles = list(_COLUMNS)
    head: list[tuple[str, str]] = [(titles[n].upper(), "dim") for n in used]
    grid = [head, *([(row[n][0] or _NOTHING, row[n][1]) for n in used] for row in rows)]
    lines = list(_aligned(grid))
    out.line(*lines[0])
    for location, line in zip(locations, lines[1:], strict=True):
        out.line(*line)
        if location.HasField("load_error"):
            out.line(_GAP, (headline(location.load_error), "red"))


def headline(error: v1.LoadError) -> str:
    """The exception in one line."""
    from codeserver.supervisor.loading.failure import headline as line_of

    text = error.text or f"{error.type}: {error.message}".removeprefix(": ")
    found = line_of(text)
    # A text without a stack's title begins with the stack.
    return one_line(text.splitlines()[-1] if found.startswith(" ") else found)


def _aligned(grid: Sequence[Sequence[tuple[str, str]]]) -> list[list[Part]]:
    """The lines of the table, with spaces behind all cells but the last ones."""
    from rich.cells import cell_len

    clean = [[(printable(one_line(text)), style) for text, style in row] for row in grid]
    widths = [max(cell_len(row[n][0]) for row in clean) for n in range(len(clean[0]))]
    lines = []
    for row in clean:
        parts: list[Part] = []
        for (text, style), width in zip(row, widths, strict=True):
            parts += [(text, style), " " * (width - cell_len(text)) + _GAP]
        lines.append(parts[:-1])
    return lines


def _load(location: v1.Location) -> str:
    """The number of the served load, and its duration, or the number of loads that have failed."""
    if not location.generation:
        return f"{location.failed_loads:,} failed" if location.failed_loads else ""
    took = ""
    if location.HasField("load_times"):
        took = f" in {duration(seconds_of(location.load_times.total))}"
    unloaded = ", unloaded" if location.HasField("unloaded_at") else ""
    return f"#{location.generation}{took}{unloaded}"


def _work(location: v1.Location) -> str:
    """The runs, and the requests that are running and waiting, as far as there are any."""
    work = location.work
    runs = counted(work.runs, "run")
    requests = counted(work.running, "request")
    found = ((work.runs, runs), (work.running, requests), (work.queued, f"{work.queued:,} waiting"))
    return ", ".join(text for number, text in found if number)


def _python(location: v1.Location) -> str:
    return f"{location.versions.python} {location.executable_path}".strip()


_COLUMNS: dict[str, Callable[[v1.Location], tuple[str, str]]] = {
    "Location": lambda each: (each.name, "bold"),
    "State": state_part,
    "Defined": lambda each: (counts_in_short(each), ""),
    "Load": lambda each: (_load(each), ""),
    "Work": lambda each: (_work(each), ""),
    "Python": lambda each: (_python(each), "dim"),
}
"""Each column with the text and style of its cells. The last one is left out if all are equal."""
