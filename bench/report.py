"""Results as tables for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import rich.table
from rich.console import Console

from bench.machine import in_words

_WIDTH = 180


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


def show(tables: Sequence[Table], machine: dict[str, str]) -> None:
    """Print them, and what was measured on what."""
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
    console.print(in_words(machine), markup=False)


def markdown(table: Table, machine: dict[str, str]) -> str:
    """The rows of a table, and a line that says what they were measured with."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
    return f"{lines}\n\nMeasured in one run with {in_words(machine)}.\n"
