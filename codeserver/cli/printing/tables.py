"""Tables: in colour and folded for a terminal; in plain lines or as records for a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codeserver.cli.printing.words import printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_NOTHING = "-"
"""Stands in a pipe for an empty cell, so that every line has as many columns."""

_GAP = 3
"""Between two columns."""

_SHORT, _WORD = 12, 24
"""What is not longer than this is not folded; a word that is not, is not broken."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        title: what stands above it.
        style: its look on a terminal.
        is_number: whether its cells are aligned to the right.
        least: characters without which the column is not worth showing.
    """

    title: str
    style: str = ""
    is_number: bool = False
    least: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of texts under columns. The first column names what a row is about.

    A column in which no row has anything is not shown.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def _shown(self) -> tuple[list[Column], list[list[str]]]:
        """The columns that have anything, with cells that are safe to print."""
        rows = [[_one_line(cell) for cell in row] for row in self.rows]
        used = [n for n in range(len(self.columns)) if any(row[n] for row in rows)]
        return [self.columns[n] for n in used], [[row[n] for n in used] for row in rows]

    def lines(self) -> Iterator[str]:
        """Plain lines, one for each row, however long."""
        from rich.cells import cell_len

        columns, rows = self._shown()
        head = [column.title.upper() for column in columns]
        grid = [head, *([cell or _NOTHING for cell in row] for row in rows)]
        widths = [max(cell_len(row[n]) for row in grid) for n in range(len(columns))]
        for row in grid:
            cells = []
            for text, width, column in zip(row, widths, columns, strict=True):
                space = " " * (width - cell_len(text))
                cells.append(space + text if column.is_number else text + space)
            yield "  ".join(cells).rstrip()

    def records(self) -> Iterator[str]:
        """For programs: a line for each row, with a tab between cells, and always every column."""
        for row in self.rows:
            yield "\t".join(_one_line(cell) or _NOTHING for cell in row)

    def for_terminal(self, width: int) -> RichTable:
        """A table that folds long cells, and cuts none off.

        Columns for which there is no room are left out, the last ones first, and named below.

        Args:
            width: columns that the terminal has.
        """
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        columns, rows = self._shown()
        cells = [[column.title, *(row[n] for row in rows)] for n, column in enumerate(columns)]
        widths = _widths(cells, [column.least for column in columns], width)
        left_out = ", ".join(column.title for column in columns[len(widths) :])
        table = RichTable(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            header_style="dim",
            caption=f"no room for: {left_out}" if left_out else None,
            caption_justify="left",
        )
        for column, its_width in zip(columns, widths, strict=False):
            table.add_column(
                column.title,
                style=column.style,
                justify="right" if column.is_number else "left",
                overflow="fold",
                width=its_width,
            )
        for row in rows:
            table.add_row(*map(Text, row[: len(widths)]))
        return table


def _widths(cells: Sequence[Sequence[str]], useful: Sequence[int], room: int) -> list[int]:
    """How wide the columns are that there is room for.

    Names are what people look for and copy, so the first column gets the most. What is left goes to
    those first that need little of it.
    """
    from rich.cells import cell_len

    wanted = [max(map(cell_len, column)) for column in cells]
    words = [max(map(cell_len, " ".join(column).split()), default=0) for column in cells]
    least = [
        longest if longest <= _SHORT else max(min(word, _WORD), min(longest, enough))
        for longest, word, enough in zip(wanted, words, useful, strict=True)
    ]
    least[0] = max(min(wanted[0], room // 2), min(words[0], _WORD, room))
    while len(least) > 1 and sum(least) + _GAP * (len(least) - 1) > room:
        least.pop()
    spare = room - sum(least) - _GAP * (len(least) - 1)
    for rank, n in enumerate(sorted(range(len(least)), key=lambda n: wanted[n] - least[n])):
        more = max(0, min(wanted[n] - least[n], spare // (len(least) - rank)))
        least[n] += more
        spare -= more
    return least


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
