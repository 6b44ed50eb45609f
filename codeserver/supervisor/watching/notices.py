"""Says when it is worth looking whether files have changed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Set

from watchfiles import awatch

from codeserver.supervisor.tasks import Tasks
from codeserver.supervisor.watching.places import Places, on_remote_file_systems

_log = logging.getLogger("codeserver")

_POLL_SECONDS = 1.0
_STEP = 10
_LONGEST = 300
"""Milliseconds: a notice is given when nothing has happened for a step, or after the longest."""


class Notices:
    """Sets an event when something has happened in the places that are watched.

    The kernel tells of it where it can; where it does not, there is a notice every second.

    Args:
        news: the event.
        poll: seconds between notices, instead of asking the kernel; None to find out.
        tasks: owns what goes on in the background.
    """

    def __init__(self, news: asyncio.Event, poll: float | None, tasks: Tasks) -> None:
        self._news = news
        self._tasks = tasks
        self._asks_kernel = poll is None
        self._places = Places({}, frozenset(), frozenset())
        self._watched: Set[str] = frozenset()
        self._following: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        if poll is not None:
            self._poll(poll)
        elif os.environ.get("WATCHFILES_FORCE_POLLING"):
            self._asks_kernel = False
            self._poll(_POLL_SECONDS)

    async def watch(self, places: Places) -> None:
        """Give notice of these places from now on; gives one at once if they were others before."""
        self._places = places
        if not self._asks_kernel or places.directories == self._watched:
            return
        if self._following is not None:
            self._following.cancel()
        self._watched = frozenset(places.directories)
        began = asyncio.Event()
        self._following = self._tasks.start("watch files", self._follow(self._watched, began))
        await began.wait()
        self._news.set()
        if remote := await asyncio.to_thread(on_remote_file_systems, self._watched):
            self._fall_back(f"{remote[0]} is on a file system that may not tell of changes")

    async def _follow(self, directories: Set[str], began: asyncio.Event) -> None:
        changes = awatch(
            *directories,
            watch_filter=lambda _, path: self._places.may_matter(path),
            debounce=_LONGEST,
            step=_STEP,
            force_polling=False,
            recursive=False,
            ignore_permission_denied=True,
        )
        try:
            while True:
                following = asyncio.ensure_future(anext(changes))
                await asyncio.sleep(0)  # now the kernel has been asked
                began.set()
                await following
                self._news.set()
        except FileNotFoundError:
            # One of them has gone meanwhile; whoever looks now finds out which are left.
            self._watched = frozenset()
            self._news.set()
        except Exception as error:
            self._asks_kernel = False
            self._fall_back(f"the system does not tell of changes to files ({error})")
        finally:
            began.set()

    def _fall_back(self, reason: str) -> None:
        if self._polling is None:
            _log.warning("%s; looking for changes every %g s", reason, _POLL_SECONDS)
            self._poll(_POLL_SECONDS)

    def _poll(self, seconds: float) -> None:
        self._polling = self._tasks.start("poll files", self._tick(seconds))

    async def _tick(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            self._news.set()
