"""The results as tables: every figure by server with its ratio, and what was aimed for."""

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
"""What the servers are called, by key, in the order in which they are shown."""
_ORDER = list(LABELS)
_WIDTH = 180
_RATIO = "times better"
_OF_CLIENTS = ("client CPU", "generator CPU")
"""Ends of the names of figures that are not about a server."""
_DIFFERENCE = "growth"
"""Begin of the names of figures that may be next to nothing, of which there are no ratios."""


@dataclass(frozen=True)
class Table:
    """Cells in rows.

    Attributes:
        title: what it is about.
        columns: their names; the first is of the rows' labels.
        rows: with a cell a column.
        how: how each number is made.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    how: str = ""

    @property
    def markdown(self) -> str:
        """The rows."""
        rows = [self.columns, ["---"] * len(self.columns), *self.rows]
        lines = (f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
        return "\n".join(lines) + "\n"


def show(tables: Sequence[Table]) -> None:
    """Print them."""
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
        results: of a run.
        spread: whether the smallest and the largest sample are shown beside the median.
    """
    return [(part, of_part(part, spread=spread)) for part in results.parts if part.figures]


def of_part(part: Part, *, spread: bool) -> Table:
    """The figures of one workload, by server; see `figures`."""
    keys = sorted({each.server for each in part.figures}, key=_place_in_order)
    names = list(dict.fromkeys(each.name for each in part.figures))
    rows: dict[tuple[str, str], dict[str, Figure]] = {}
    # One name after the other, each with all of its locations.
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
    """What became of each server when something happened to it."""
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
    """What was aimed for; of an aim with several figures, the one that is the furthest from it."""
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
    """What a server is called."""
    return LABELS.get(server, server)


def place_name(location: str) -> str:
    """What a location is called in a small cell."""
    return f"{int(location):,} assets" if location.isdigit() else location


def _place_in_order(server: str) -> int:
    return _ORDER.index(server) if server in _ORDER else len(_ORDER)


def _times_of(found: dict[str, Figure]) -> str:
    """How many times better ours is than the better of stock's; nothing where that says nothing."""
    other = better([found[key] for key in STOCK if key in found])
    if other is None or OURS not in found or other.name.startswith(_DIFFERENCE):
        return ""
    times = None if other.name.endswith(_OF_CLIENTS) else advantage(found[OURS], other)
    return in_times(times) if times and math.isfinite(times) else ""


def in_times(ratio: float) -> str:
    """A ratio, for people."""
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
    """Its median with the unit."""
    return in_unit(figure.value, figure.unit)


def in_unit(value: float, unit: Unit) -> str:
    """A number with a unit that suits its size, to three digits that count."""
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
