"""Waits for files that are being written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from codeserver.marks import mark
from codeserver.supervisor.watching.picture import Picture

_QUIET = 1.0
_LONGEST = 10.0
_LOOK_AROUND = 0.2
_STEP = 0.02

Clock = Callable[[], float]
"""Returns the time in seconds on a monotonic clock."""


class Writing:
    """The time limit of a write. Pure.

    A checkout of many files takes a while on a busy machine. It is under way as long as files
    change.

    Args:
        now: the time in seconds on a monotonic clock, as in all methods.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._changed = now

    def has_changed(self, now: float) -> None:
        """Note that files have changed."""
        self._changed = now

    def may_go_on(self, now: float) -> bool:
        """Whether to wait longer."""
        return now < min(self._changed + _QUIET, self._began + _LONGEST)


async def written(picture: Picture, now: Clock = time.monotonic) -> set[str]:
    """Wait until the suspicious files have content, or until the time limit.

    Returns:
        The paths that have changed during the wait.
    """
    changes: set[str] = set()
    writing = Writing(now())
    left = set(picture.suspicious)
    while left and writing.may_go_on(now()):
        await _have_content(left, now() + _LOOK_AROUND, now)
        found = await asyncio.to_thread(picture.changes)
        if found:
            writing.has_changed(now())
        changes.update(found)
        left = {path for path in left.union(picture.suspicious) if _has_none(path)}
    return changes


async def _have_content(paths: Iterable[str], end: float, now: Clock) -> None:
    """Wait until all files have content, or until `end`."""
    while any(map(_has_none, paths)) and now() < end:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(_STEP)


def _has_none(path: str) -> bool:
    """Whether the file is missing or empty."""
    return (found := mark(path)) is None or found[1] == 0
