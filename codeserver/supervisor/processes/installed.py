"""The Dagster that a forkserver has imported, and whether another one is installed by now."""

from __future__ import annotations

import functools
import logging

from codeserver.facts import ImportedDagster
from codeserver.letters import printable
from codeserver.marks import mark

_log = logging.getLogger("codeserver")


def tell(dagster: ImportedDagster) -> None:
    """Log what is odd about the installation, and what this version cannot do, once."""
    for note in dagster.remarks:
        _tell(note)


def is_replaced(dagster: ImportedDagster) -> bool:
    """Whether Dagster was installed anew, or removed, since its import."""
    return any(mark(path) != before for path, before in dagster.marks.items())


@functools.cache
def _tell(note: str) -> None:
    _log.warning("%s", printable(note))
