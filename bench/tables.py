"""The results as tables: the figures by server with their ratios, and the aims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import rich.table
from rich.console import Console

from bench.aims import BAKED, ECHO
from bench.figures import Figure, Unit
from bench.outcomes import Outcome
from bench.results import OURS, STOCK, Part, Results, advantage, better
from bench.servers import KINDS

LABELS = {
    **{key: kind.label for key, kind in KINDS.items()},
    BAKED: "codeserver, snapshot",
    ECHO: "bare gRPC server",
}
"""The labels of the servers by key, in the order of the tables."""
_ORDER = list(LABELS)
_WIDTH = 180
_RATIO = "times better"
_OF_CLIENTS = ("client CPU", "generator CPU")
"""Suffixes of the names of figures that do not measure a server."""
_DIFFERENCE = "growth"
"""Prefix of the names of figures that may be close to 0, and so have no ratio."""


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        title: the subject of the table.
        columns: names of the columns; the first column has the labels of the rows.
        rows: the rows, each with one cell per column.
        how: the method of measurement.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    how: str = ""

    @property
    def markdown(self) -> str:
        """The table in Markdown, without title and method."""
        rows = [self.columns, ["---"] * len(self.columns), *self.rows]
        lines = (f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
        return "\n".join(lines) + "\n"


def show(tables: Sequence[Table]) -> None:
    """Print the tables."""
    console = Console(width=_WIDTH)
    for table in tables:
        shown = rich.table.Table(title=table.title, title_justify="left", show_lines=True)
        shown.add_column(table.columns[0])
        for column in table.columns[1:]:
            shown.add_column(column, ratio=1)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown, markup=False)
        console.print(f"How: {table.how}\n", style="dim", markup=False, highlight=False)


def figures(results: Results, *, spread: bool) -> list[tuple[Part, Table]]:
    """A table for each workload.

    Args:
        results: the results of a run.
        spread: show the smallest and the largest sample beside the median.
    """
    return [(part, of_part(part, spread=spread)) for part in results.parts if part.figures]


def of_part(part: Part, *, spread: bool) -> Table:
    """The figures of one workload, by server; see `figures`."""
    keys = sorted({each.server for each in part.figures}, key=_place_in_order)
    names = list(dict.fromkeys(each.name for each in part.figures))
    rows: dict[tuple[str, str], dict[str, Figure]] = {}
    # Sorted by name, so that the locations of a figure are together.
    for each in sorted(part.figures, key=lambda each: names.index(each.name)):
        rows.setdefault((each.name, each.location), {})[each.server] = each
    return Table(
        part.title,
        ["", "location", *(label(key) for key in keys), _RATIO],
        [
            [
                name,
                place_name(location),
                *(_cell(found.get(key), spread) for key in keys),
                _times_of(found),
            ]
            for (name, location), found in rows.items()
        ],
        " ".join(part.how.split()),
    )


def notes(part: Part) -> Table:
    """The effect of each event on each server."""
    found = {(note.event, note.server): note.text for note in part.notes}
    keys = sorted({server for _, server in found}, key=_place_in_order)
    return Table(
        part.title,
        ["what happens", *(f"`{label(key)}`" for key in keys)],
        [
            [event, *(found.get((event, key), "") for key in keys)]
            for event in dict.fromkeys(note.event for note in part.notes)
        ],
        " ".join(part.how.split()),
    )


def aims(found: Sequence[Outcome]) -> Table:
    """The aims; for an aim with several figures, the one with the smallest margin."""
    return Table(
        "What is aimed for",
        ["", "aim", "times better", "ours", "compared with", "reached"],
        [_aim(each) for each in found],
        "the better of the two stock servers counts; where an aim is about several figures or "
        "locations, the one that is the closest to missing it is shown",
    )


def _aim(outcome: Outcome) -> list[str]:
    check = outcome.closest
    reached = {True: "yes", False: "no", None: "not known"}[outcome.reached]
    if check is None:
        return [outcome.aim.what, outcome.aim.wanted, "", "", "", reached]
    other = "" if check.other is None else written(check.other)
    times = "" if check.times is None else in_times(check.times)
    return [outcome.aim.what, outcome.aim.wanted, times, written(check.ours), other, reached]


def label(server: str) -> str:
    """The label of a server."""
    return LABELS.get(server, server)


def place_name(location: str) -> str:
    """The name of a location in a small cell."""
    return f"{int(location):,} assets" if location.isdigit() else location


def _place_in_order(server: str) -> int:
    return _ORDER.index(server) if server in _ORDER else len(_ORDER)


def _times_of(found: dict[str, Figure]) -> str:
    """The factor by which ours is better than the better stock server; empty if meaningless."""
    other = better([found[key] for key in STOCK if key in found])
    if other is None or OURS not in found or other.name.startswith(_DIFFERENCE):
        return ""
    times = None if other.name.endswith(_OF_CLIENTS) else advantage(found[OURS], other)
    return in_times(times) if times and math.isfinite(times) else ""


def in_times(ratio: float) -> str:
    """A ratio as text."""
    if math.isinf(ratio):
        return "∞"
    digits = 0 if ratio >= 9.95 else 1 if ratio >= 2 else 2
    return f"{ratio:,.{digits}f} x"


def _cell(figure: Figure | None, spread: bool) -> str:
    if figure is None:
        return ""
    text = written(figure)
    if not spread or len(figure.samples) < 2:
        return text
    ends = (in_unit(end(figure.samples), figure.unit) for end in (min, max))
    return f"{text} ({' to '.join(ends)})"


def written(figure: Figure) -> str:
    """The median of a figure with its unit."""
    return in_unit(figure.value, figure.unit)


def in_unit(value: float, unit: Unit) -> str:
    """A number with a unit that suits its size, to three significant digits."""
    if unit is Unit.SECONDS:
        scales = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
        if value == 0:
            return "0 s"
        scale, name = next((each for each in scales if abs(value) >= each[0]), scales[-1])
        return f"{_short(value / scale)} {name}"
    if unit is Unit.BYTES:
        return f"{value / 1e6:.{0 if abs(value) >= 20e6 else 1}f} MB"
    if unit in (Unit.CALLS, Unit.PROCESSES):
        return f"{value:g} {unit.value}"
    return f"{_short(value)} {unit.value}"


def _short(value: float) -> str:
    shown = float(f"{value:.3g}")
    size = abs(shown)
    digits = 0 if size >= 100 or shown == 0 else 1 if size >= 10 else 2
    return f"{shown if size < 1000 else value:,.{digits}f}"
