"""Watches one file that is not part of any code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from codeserver.marks import mark
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.watching.notices import Notices
from codeserver.supervisor.watching.places import places_of_file

_LOOK_ANYWAY_SECONDS = 10.0

_QUIET_SECONDS, _MOST_PAUSES = 0.2, 20
"""A file that is written in pieces is a valid one at some moments, with a part of its content."""


async def changes_of(path: str, poll: float | None, tasks: Tasks) -> AsyncIterator[None]:
    """Yield after each change of the file, including its removal.

    Args:
        path: an absolute path.
        poll: see `Notices`.
        tasks: owns the tasks that watch.
    """
    news = asyncio.Event()
    notices = Notices(news, poll, tasks)
    before = await asyncio.to_thread(mark, path)
    while True:
        await notices.watch(await asyncio.to_thread(places_of_file, path))
        if await asyncio.to_thread(mark, path) != before:
            await _rest(news)
            before = await asyncio.to_thread(mark, path)
            yield
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(news.wait(), _LOOK_ANYWAY_SECONDS)
        news.clear()


async def _rest(news: asyncio.Event) -> None:
    """Wait until there is no news for a moment."""
    for _ in range(_MOST_PAUSES):
        news.clear()
        try:
            await asyncio.wait_for(news.wait(), _QUIET_SECONDS)
        except asyncio.TimeoutError:
            return
