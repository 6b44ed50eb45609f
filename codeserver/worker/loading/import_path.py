"""The working directory stays where modules are looked for, after the user's code is loaded.

Dagster takes it away then. Under `python -m dagster` it is there all the same, as the directory in
which Python was started, but not under the `dagster` script, where modules that functions of the
user import are not found, nor those that new processes of a pool import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from codeserver.worker import dagster_internals as dagster


def keep_working_directory() -> None:
    """Have it stay from now on: at the end, where it hides nothing that would be found without."""
    pointers: Any = dagster.code_pointer
    alter = pointers.alter_sys_path

    class Altered:
        """As Dagster's, without a line in the tracebacks of what is imported."""

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
