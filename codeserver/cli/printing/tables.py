"""Tables: in colour and folded for a terminal; in plain lines or as records for a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codeserver.cli.printing.words import one_line, printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_NOTHING = "-"
"""An empty cell in a pipe, so that every line has the same number of columns."""

_GAP = 3
"""Characters between two columns."""

_SHORT, _WORD = 12, 24
"""In characters: shorter columns are not folded, and shorter words are not broken."""


@dataclass(frozen=True)
class Column:
    """A column. `least` are the characters that a long one needs to be of use."""

    title: str
    style: str = ""
    is_number: bool = False
    least: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of texts under columns. The first column names the subject of a row.

    A column without any text is not shown.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(cls, found: Iterable[Any], cells: Mapping[Column, Callable[[Any], str]]) -> Table:
        """A row for each thing; each column comes with the cell that a thing has in it."""
        return cls(list(cells), [[cell(each) for cell in cells.values()] for each in found])

    def _shown(self) -> tuple[list[Column], list[list[str]]]:
        """The columns with text, and their cells, which are safe to print."""
        rows = [[printable(one_line(cell)) for cell in row] for row in self.rows]
        used = [n for n in range(len(self.columns)) if any(row[n] for row in rows)]
        return [self.columns[n] for n in used], [[row[n] for n in used] for row in rows]

    def lines(self) -> Iterator[str]:
        """Plain lines: the header, then one for each row, of any length."""
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
        """Lines for programs: one for each row, with every column and tabs between cells."""
        for row in self.rows:
            yield "\t".join(printable(one_line(cell)) or _NOTHING for cell in row)

    def for_terminal(self, width: int) -> RichTable:
        """A table that folds long cells, and cuts none off.

        Columns without room are left out, the last ones first, and named below.
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
    """Widths of the columns that fit in the room.

    People look for names and copy them, so the first column gets the most. The rest of the room
    goes first to the columns that need little of it.
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
