"""The Dagster that a forkserver has imported, and whether another one is installed by now."""

from __future__ import annotations

import functools
import logging

from codeserver.letters import printable
from codeserver.marks import mark
from codeserver.messages import DagsterImported

_log = logging.getLogger("codeserver")


def tell(report: DagsterImported) -> None:
    """Log what is odd about the installation, and what this version cannot do, once."""
    for note in report.remarks:
        _tell(note)


def is_replaced(report: DagsterImported) -> bool:
    """Whether Dagster was installed anew, or removed, since its import."""
    return any(mark(path) != before for path, before in report.marks.items())


@functools.cache
def _tell(note: str) -> None:
    _log.warning("%s", printable(note))
