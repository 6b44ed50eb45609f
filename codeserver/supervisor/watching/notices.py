"""Notices that files may have changed, from the kernel or from a timer."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Set

from watchfiles import awatch

from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.watching.places import Places, on_remote_file_systems

_log = logging.getLogger("codeserver")

_POLL_SECONDS = 1.0
_STEP = 10
_LONGEST = 300
"""Milliseconds: a notice comes after a step without events, or after the longest time with them."""


Identities = Mapping[str, "tuple[int, int] | None"]
"""The device and inode of the directory at each path; None if there is none."""


class Notices:
    """Sets an event when something may have changed in the watched places.

    The kernel notifies the server of changes. If it cannot, there is a notice every second.

    Args:
        poll: the seconds between notices without the kernel; None to use the kernel if possible.
    """

    def __init__(self, news: asyncio.Event, poll: float | None, tasks: Tasks) -> None:
        self._news = news
        self._tasks = tasks
        self._asks_kernel = poll is None
        self._places = Places({}, frozenset(), frozenset())
        self._watched: Identities = {}
        self._following: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        if poll is not None:
            self._poll(poll)
        elif _is_polling_forced():
            self._asks_kernel = False
            self._poll(_POLL_SECONDS)

    async def watch(self, places: Places) -> None:
        """Watch these places from now on; give a notice at once if their directories are new."""
        self._places = places
        if not self._asks_kernel:
            return
        now = await asyncio.to_thread(_identities, places.directories)
        if now == self._watched:
            return
        if self._following is not None:
            self._following.cancel()
        self._watched = now
        began = asyncio.Event()
        self._following = self._tasks.start("watch files", self._follow(now.keys(), began))
        await began.wait()
        self._news.set()
        if remote := await asyncio.to_thread(on_remote_file_systems, self._watched):
            self._fall_back(f"{remote[0]} is on a file system that may not tell of changes")

    async def _follow(self, directories: Set[str], began: asyncio.Event) -> None:
        changes = awatch(
            *directories,
            watch_filter=lambda _, path: path in directories or self._places.may_matter(path),
            debounce=_LONGEST,
            step=_STEP,
            force_polling=False,
            recursive=False,
            ignore_permission_denied=True,
        )
        try:
            while True:
                following = asyncio.ensure_future(anext(changes))
                try:
                    await asyncio.sleep(0)  # now the kernel has been asked
                    began.set()
                    for _, path in await following:
                        if path in self._watched:
                            # A new directory may have replaced it and have the same identity.
                            self._watched = {}
                finally:
                    following.cancel()
                    await asyncio.wait([following])
                self._news.set()
        except FileNotFoundError:
            # One of them was removed. The look that follows finds out which are left.
            self._watched = {}
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


def _identities(paths: Set[str]) -> Identities:
    """The identities of the directories at these paths.

    The kernel goes on watching a directory that was moved away, and not the one in its place.
    """
    found: dict[str, tuple[int, int] | None] = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            found[path] = None
        else:
            found[path] = (status.st_dev, status.st_ino)
    return found


def _is_polling_forced() -> bool:
    """Whether the operator forces polling by the variable of `watchfiles`."""
    value = os.environ.get("WATCHFILES_FORCE_POLLING", "").lower()
    return value not in ("", "false", "disable", "disabled")
