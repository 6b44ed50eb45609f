"""Waits for somebody who is writing files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from codeserver.marks import mark

_QUIET = 1.0
_LONGEST = 10.0
_LOOK_AROUND = 0.2
_STEP = 0.02

Clock = Callable[[], float]
"""Tells the seconds on a monotonic clock."""


class Changing(Protocol):
    """What may be changing, as `Picture` knows it."""

    @property
    def suspicious(self) -> Sequence[str]:
        """Of the changes that were found last, files that are gone or empty now."""

    def changes(self) -> list[str]:
        """What has changed since the last call."""


class Writing:
    """How long somebody may be at it. Pure.

    A checkout of many files takes a while on a busy machine; as long as files go on to change, it
    is under way.

    Args:
        now: seconds on a monotonic clock, as everywhere here.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._changed = now

    def has_changed(self, now: float) -> None:
        """Something has changed until now."""
        self._changed = now

    def may_go_on(self, now: float) -> bool:
        """Whether to wait on."""
        return now < min(self._changed + _QUIET, self._began + _LONGEST)


async def written(picture: Changing, now: Clock = time.monotonic) -> set[str]:
    """Wait until the suspicious files have content, or do not get any soon.

    Returns:
        What has changed meanwhile.
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
    """Wait until all have some, or until `end`."""
    while any(map(_has_none, paths)) and now() < end:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(_STEP)


def _has_none(path: str) -> bool:
    """Whether it is gone or empty."""
    return (found := mark(path)) is None or found[1] == 0
