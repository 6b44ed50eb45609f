"""The surroundings of a load, for processes that import the code again.

Stock Dagster starts the process of a run from its server after the server has imported the code.
So the run inherits the environment variables, the current directory and `sys.path` of that moment
(`multiprocessing.spawn.get_preparation_data`).
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Mapping

from codeserver.facts import Surroundings
from codeserver.worker.process.originals import os

_variables_at_start: dict[str, str] = {}
_threads_at_start: set[str] = set()


def remember_start() -> None:
    """Remember the environment variables and threads of this process before it imports code."""
    _variables_at_start.update(os.environ)
    _threads_at_start.update(_threads())


def lost_threads() -> list[str]:
    """Names of threads that Python starts in each new process and this fork lacks.

    `sitecustomize` may start some. Threads that restart after a fork (`os.register_at_fork`) are
    not lost.
    """
    return sorted(_threads_at_start - _threads())


def _threads() -> set[str]:
    main = threading.main_thread()
    return {thread.name for thread in threading.enumerate() if thread is not main}


def surroundings() -> Surroundings:
    """The surroundings of this process."""
    directory = None
    with contextlib.suppress(OSError):
        directory = os.getcwd()
    path = [entry for entry in sys.path if isinstance(entry, str)]
    return Surroundings(_changed_variables(), directory, path)


def take_on(found: Surroundings) -> None:
    """Adopt the surroundings that another process has reported."""
    set_variables(found.environment)
    if found.directory is not None:
        with contextlib.suppress(OSError):
            os.chdir(found.directory)
    sys.path[:] = found.path


def set_variables(changes: Mapping[str, str | None]) -> None:
    """Set these environment variables; None removes a variable."""
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def take_on_time_zone() -> None:
    """Use the time zone of the variable TZ, as a new interpreter does that inherits it."""
    time.tzset()


def _changed_variables() -> dict[str, str | None]:
    before, now = _variables_at_start, os.environ
    return {name: now.get(name) for name in {*before, *now} if before.get(name) != now.get(name)}
