"""What the user's code sees of its process, for processes that import the code anew.

Stock Dagster starts the process of a run from its server, after the server has imported the code:
the run inherits the variables, the current directory and `sys.path` as the import has left them
(`multiprocessing.spawn.get_preparation_data`).
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Mapping
from typing import Any

from codeserver.worker.originals import os

_variables_at_start: dict[str, str] = {}
_threads_at_start: set[str] = set()


def remember_start() -> None:
    """Remember what every process has before it imports any code: variables and threads."""
    _variables_at_start.update(os.environ)
    _threads_at_start.update(_threads())


def lost_threads() -> list[str]:
    """Threads that Python's own start begins in each process, and a fork does not have.

    `sitecustomize` may start some. Those that begin anew after a fork are not lost
    (`os.register_at_fork`).
    """
    return sorted(_threads_at_start - _threads())


def _threads() -> set[str]:
    main = threading.main_thread()
    return {thread.name for thread in threading.enumerate() if thread is not main}


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
