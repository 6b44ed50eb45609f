"""The results as tables in Markdown: figures by server with their ratios, notes, and aims."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bench.aims import STOCK, Outcome
from bench.results import Figure, Part, Unit, advantage, better
from bench.servers import BAKED, ECHO, KINDS, OURS

LABELS = {each.key: each.label for each in (*KINDS.values(), BAKED, ECHO)}
"""The labels of the servers by key, in the order of the tables."""
_OF_CLIENTS = ("client CPU", "generator CPU")
"""Suffixes of the names of figures that do not measure a server."""
_DIFFERENCE = "growth"
"""Prefix of the names of figures that may be close to 0, and so have no ratio."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; the first column has the labels of the rows."""
    every = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in every)


def of_part(part: Part, *, spread: bool = False) -> str:
    """The figures of one workload by server, with the smallest and largest sample if wanted."""
    keys = _in_order(each.server for each in part.figures)
    names = list(dict.fromkeys(each.name for each in part.figures))
    rows: dict[tuple[str, str], dict[str, Figure]] = {}
    # Sorted by name, so that the locations of a figure are together.
    for each in sorted(part.figures, key=lambda each: names.index(each.name)):
        rows.setdefault((each.name, each.location), {})[each.server] = each
    return table(
        ["figure", "location", *(LABELS.get(key, key) for key in keys), "times better"],
        [
            [
                name,
                place_name(place),
                *(_cell(found.get(key), spread) for key in keys),
                _times(found),
            ]
            for (name, place), found in rows.items()
        ],
    )


def of_notes(part: Part) -> str:
    """The effect of each event on each server."""
    found = {(note.event, note.server): note.text for note in part.notes}
    keys = _in_order(server for _, server in found)
    events = dict.fromkeys(note.event for note in part.notes)
    return table(
        ["event", *(f"`{LABELS.get(key, key)}`" for key in keys)],
        [[event, *(found.get((event, key), "") for key in keys)] for event in events],
    )


def of_aims(found: Sequence[Outcome]) -> str:
    """The aims; for an aim with several figures, the one with the smallest margin."""
    columns = ["figure", "aim", "times better", "codeserver", "compared with", "reached"]
    return table(columns, map(_aim, found))


def _aim(outcome: Outcome) -> list[str]:
    times = other = ours = ""
    if check := outcome.closest:
        ours = written(check.ours)
        if check.other:
            other, times = written(check.other), in_times(check.margin * outcome.aim.times)
    reached = {True: "yes", False: "no", None: "not known"}[outcome.reached]
    return [outcome.aim.what, outcome.aim.wanted, times, ours, other, reached]


def _in_order(servers: Iterable[str]) -> list[str]:
    order = [*LABELS]
    return sorted({*servers}, key=lambda key: order.index(key) if key in order else len(order))


def place_name(location: str) -> str:
    """The name of a location in a small cell."""
    return f"{int(location):,} assets" if location.isdigit() else location


def _times(found: dict[str, Figure]) -> str:
    """The factor by which ours is better than the better stock server; empty if meaningless."""
    other = better([found[key] for key in STOCK if key in found])
    if other is None or OURS.key not in found or other.name.startswith(_DIFFERENCE):
        return ""
    times = None if other.name.endswith(_OF_CLIENTS) else advantage(found[OURS.key], other)
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
