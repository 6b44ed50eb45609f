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
        if (now := await asyncio.to_thread(mark, path)) != before:
            before = now
            yield
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(news.wait(), _LOOK_ANYWAY_SECONDS)
        news.clear()
