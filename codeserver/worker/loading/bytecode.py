"""Make sure that a reload sees the file as it is now.

Python trusts a cached `.pyc` file when the source has the recorded size and the recorded
modification time *in whole seconds*. Two edits within one second that keep the size would then
run the older code. A stock server restarts too slowly to notice; a reload of ours does not.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from typing import Any

_RECENT = 2.0
"""Seconds. Beyond this the whole-second comparison is safe."""

_path_stats = SourceFileLoader.path_stats

listeners: list[Callable[[str], None]] = []
"""Called with the path of each source that is about to be loaded."""


def _stats_unless_recent(self: SourceFileLoader, path: str) -> Any:
    for listener in listeners:
        listener(path)
    stats = _path_stats(self, path)
    if abs(time.time() - stats["mtime"]) < _RECENT:
        # `importlib` takes OSError for "no cache here": it neither reads nor writes one.
        raise OSError(f"{path} was modified a moment ago")
    return stats


def see_files_as_they_are() -> None:
    """Compile source files that were modified a moment ago instead of using their cache.

    And look into directories anew: the listings that the forkserver has kept may be older than the
    user's files.
    """
    importlib.invalidate_caches()
    SourceFileLoader.path_stats = _stats_unless_recent  # type: ignore[method-assign]
