"""A forkserver that imports Dagster while this process reads its command line and imports gRPC."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from codeserver.supervisor.processes.spawning import Python, Spawned, open_more_files, spawn

_FLAG = "--python"
_VARIABLES = tuple(
    f"{prefix}_PYTHON"
    for prefix in ("CODESERVER", "DAGSTER_CLI_API_GRPC", "DAGSTER_CLI_CODE_SERVER_START")
)
"""Variables that name another Python. Reading the whole command line takes longer."""

_spawned: Spawned | None = None


@contextlib.contextmanager
def started(arguments: Sequence[str]) -> Iterator[None]:
    """Start a forkserver now, and end it on exit unless `take` has returned it.

    Args:
        arguments: of the server; with some, it may need none of this Python.
    """
    global _spawned  # noqa: PLW0603 - there is one command line in a process
    # If this fails, `take` tries again and reports the error.
    with contextlib.suppress(OSError):
        if not _names_another(arguments):
            _spawned = _start()
    try:
        yield
    finally:
        if _spawned is not None:
            _spawned.discard()
            _spawned = None


def take(python: str | None = None) -> Spawned:
    """The forkserver that `started` has started, or else a new one.

    Args:
        python: the Python to start it with, if that is another one.
    """
    global _spawned
    if python is not None:
        return _start(python)
    taken, _spawned = _spawned, None
    return taken or _start()


def _start(python: str | None = None) -> Spawned:
    open_more_files()
    return spawn(Python(python))


def _names_another(arguments: Sequence[str]) -> bool:
    """Whether the server has code for another Python."""
    is_flag = any(word.partition("=")[0] == _FLAG for word in arguments)
    return is_flag or any(map(os.environ.get, _VARIABLES))
