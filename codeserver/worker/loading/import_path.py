"""Keep the working directory on `sys.path` after the user's code is loaded.

Dagster removes it then. Under `python -m dagster` it stays, as the directory in which Python was
started. Under the `dagster` script, late imports in functions of the user fail, and so do imports
in new processes of a pool.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from codeserver.worker import dagster_internals as dagster


def keep_working_directory() -> None:
    """Append the directory to `sys.path` once Dagster removes it; there it hides no module."""
    pointers: Any = dagster.code_pointer
    alter = pointers.alter_sys_path

    class Altered:
        """Like Dagster's context manager, but adds no frame to tracebacks of imports."""

        def __init__(self, to_add: Sequence[str], to_remove: Sequence[str]) -> None:
            self._added = to_add
            self._altered = alter(to_add, to_remove)

        def __enter__(self) -> None:
            self._altered.__enter__()

        def __exit__(self, *raised: object) -> None:
            try:
                self._altered.__exit__(*raised)
            finally:
                added = map(os.path.abspath, self._added)
                sys.path.extend(path for path in added if path not in sys.path)

    pointers.alter_sys_path = Altered
