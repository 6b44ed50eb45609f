"""Make sure that a reload runs the current source.

Python trusts a cached `.pyc` file if the source has the recorded size and the recorded modification
time *in whole seconds*. After two edits of the same size within one second, it would run the older
code. A stock server restarts too slowly to be affected; a reload of codeserver is fast enough.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from typing import Any

_RECENT = 2.0
"""Age of a source, in seconds, above which the whole-second comparison is safe."""

_path_stats = SourceFileLoader.path_stats

listeners: list[Callable[[str], None]] = []
"""Functions to call with the path of each source before it is loaded."""


def _stats_unless_recent(self: SourceFileLoader, path: str) -> Any:
    for listener in listeners:
        listener(path)
    stats = _path_stats(self, path)
    if abs(time.time() - stats["mtime"]) < _RECENT:
        # On OSError, `importlib` neither reads nor writes a cache.
        raise OSError(f"{path} was modified a moment ago")
    return stats


def see_files_as_they_are() -> None:
    """Compile recently modified sources instead of using their caches.

    Also drop cached directory listings: those of the forkserver may be older than the user's files.
    """
    importlib.invalidate_caches()
    SourceFileLoader.path_stats = _stats_unless_recent  # type: ignore[method-assign]
