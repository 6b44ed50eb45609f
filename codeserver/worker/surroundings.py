"""What the user's code sees of its process, for processes that import the code anew.

Stock Dagster starts the process of a run from its server, after the server has imported the code:
the run inherits the variables, the current directory and `sys.path` as the import has left them
(`multiprocessing.spawn.get_preparation_data`).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import Any

from codeserver.worker.originals import os

_variables_at_start: dict[str, str] = {}


def remember_start() -> None:
    """Remember the variables that every process has before it imports any code."""
    _variables_at_start.update(os.environ)


def surroundings() -> Mapping[str, Any]:
    """The surroundings of this process; JSON-serialisable.

    Returns:
        environment: the variables that have changed since the start; None for one that is gone.
        directory: the current directory; None when it was removed.
        path: `sys.path`.
    """
    directory = None
    with contextlib.suppress(OSError):
        directory = os.getcwd()
    return {
        "environment": _changed_variables(),
        "directory": directory,
        "path": [entry for entry in sys.path if isinstance(entry, str)],
    }


def take_on(facts: Mapping[str, Any]) -> None:
    """Have the surroundings that another process has reported."""
    set_variables(facts["environment"])
    if facts["directory"] is not None:
        with contextlib.suppress(OSError):
            os.chdir(facts["directory"])
    sys.path[:] = facts["path"]


def set_variables(changes: Mapping[str, str | None]) -> None:
    """Set these environment variables, and remove those that are None."""
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _changed_variables() -> dict[str, str | None]:
    before, now = _variables_at_start, os.environ
    return {name: now.get(name) for name in {*before, *now} if before.get(name) != now.get(name)}
