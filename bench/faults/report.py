"""The results as a table for a terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.faults.machine import in_words
from bench.faults.results import Result, Scenario
from bench.faults.servers import Kind

Results = Mapping[Scenario, Mapping[Kind, Result]]
"""By scenario, then by server."""


def show(results: Results, kinds: Sequence[Kind], machine: dict[str, str]) -> None:
    """Print everything that a user sees, with a column a server."""
    console = Console(width=180)
    for scenario, by_kind in results.items():
        table = Table(title=scenario.title, title_justify="left", show_lines=True)
        table.add_column("")
        for kind in kinds:
            table.add_column(kind.label, ratio=1)
        labels = dict.fromkeys(label for result in by_kind.values() for label in result.details)
        for label in labels:
            table.add_row(label, *(by_kind[kind].details.get(label, "") for kind in kinds))
        console.print(table, markup=False)
        console.print(f"How: {_how(scenario)}\n", style="dim", markup=False, highlight=False)
    console.print(in_words(machine), markup=False)


def markdown(results: Results, kinds: Sequence[Kind], machine: dict[str, str]) -> str:
    """A table with one row a scenario, and a line that says what it was measured with."""
    rows = [["what happens", *(f"`{kind.label}`" for kind in kinds)], ["---"] * (len(kinds) + 1)]
    for scenario, by_kind in results.items():
        rows.append([scenario.title, *(by_kind[kind].summary for kind in kinds)])
    table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
    return f"{table}\n\nMeasured in one run with {in_words(machine)}.\n"


def as_json(results: Results, machine: dict[str, str]) -> str:
    """All numbers."""
    found: dict[str, Any] = {
        scenario.name: {
            "title": scenario.title,
            "how": _how(scenario),
            "servers": {kind.key: asdict(result) for kind, result in by_kind.items()},
        }
        for scenario, by_kind in results.items()
    }
    return json.dumps({"machine": machine, "scenarios": found}, indent=2) + "\n"


def _how(scenario: Scenario) -> str:
    return " ".join((scenario.measure.__doc__ or "").split())
