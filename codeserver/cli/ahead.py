"""A forkserver that imports Dagster while this process reads its command line and imports gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from codeserver.supervisor.processes.spawning import Spawned, open_more_files, spawn

_spawned: Spawned | None = None


@contextlib.contextmanager
def started() -> Iterator[None]:
    """Start a forkserver now, and end it on exit unless `take` has returned it."""
    global _spawned  # noqa: PLW0603 - there is one command line in a process
    # If this fails, `take` tries again and reports the error.
    with contextlib.suppress(OSError):
        _spawned = _start()
    try:
        yield
    finally:
        if _spawned is not None:
            _spawned.discard()
            _spawned = None


def take() -> Spawned:
    """The forkserver that `started` has started, or else a new one."""
    global _spawned
    taken, _spawned = _spawned, None
    return taken or _start()


def _start() -> Spawned:
    open_more_files()
    return spawn()
