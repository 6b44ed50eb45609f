"""The slowest imports of a load, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from codeserver.api import v1
from codeserver.cli.printing.tables import Column, Table
from codeserver.cli.printing.words import seconds_of

_COLUMNS = (
    Column("Module", "bold"),
    Column("Yours", "green"),
    Column("Own", is_number=True),
    Column("With imports", "cyan", is_number=True),
    Column("Imported by", "dim"),
)


def import_table(imports: Sequence[v1.ModuleImport]) -> Table:
    """Modules with their times: what they take themselves, and with what they were first to import.

    Args:
        imports: the slowest first.
    """
    return Table(_COLUMNS, [_row(each) for each in imports])


def _row(found: v1.ModuleImport) -> list[str]:
    return [
        found.module,
        "*" if found.is_users else "",
        _milliseconds(seconds_of(found.own)),
        _milliseconds(seconds_of(found.cumulative)),
        found.imported_by or "the target",
    ]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
