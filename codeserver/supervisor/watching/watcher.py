"""Has the code loaded again when it has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from functools import partial

from codeserver.config import Config
from codeserver.marks import Mark
from codeserver.supervisor.generation import LoadFailure, describe_counts
from codeserver.supervisor.host import Host
from codeserver.supervisor.location import Location
from codeserver.supervisor.names import printable
from codeserver.supervisor.tasks import Tasks
from codeserver.supervisor.watching.notices import Notices
from codeserver.supervisor.watching.patterns import Patterns
from codeserver.supervisor.watching.picture import Picture
from codeserver.supervisor.watching.places import places_of
from codeserver.supervisor.watching.restraint import Restraint
from codeserver.supervisor.watching.writing import written
from codeserver.target import Target, current_directory

_log = logging.getLogger("codeserver")

_LOOK_ANYWAY_SECONDS = 10.0
_LONG_LOAD_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 1.0


class Watcher:
    """Watches what the code is made of.

    Args:
        config: the operator's settings.
        target: what is loaded.
        location: the code location that it is for.
        tasks: owns what goes on in the background.
    """

    def __init__(self, config: Config, target: Target, location: Location, tasks: Tasks) -> None:
        self._location = location
        self._target = target
        self._news = asyncio.Event()
        self._notices = Notices(self._news, config.watch_poll, tasks)
        roots = [os.path.join(current_directory(), each) for each in config.watch_dir]
        self._make_picture = partial(Picture, roots, Patterns(config.watch_filter))
        self._outcomes: list[LoadFailure | Host] = []
        self._restraint = Restraint()
        self._told = False
        self._late: dict[str, Mark | None] = {}
        location.on_load(self._load_ended)
        location.imported_late = self._imported_late

    async def begin(self) -> None:
        """Look at what is there before anything is loaded."""
        self._picture = await asyncio.to_thread(self._make_picture)
        files = [self._target.path] if self._target.path is not None else []
        await asyncio.to_thread(self._picture.begin, files, self._target.directories)

    async def run(self) -> None:
        """Look at every notice, and now and then without one; `begin` comes before."""
        self._news.set()
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_ANYWAY_SECONDS)
            self._news.clear()
            try:
                await self._look()
            except Exception:
                # Without this, no edit would be noticed from now on.
                _log.exception("what has changed could not be found out; trying again")
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
                self._news.set()

    def _load_ended(self, outcome: LoadFailure | Host) -> None:
        self._outcomes.append(outcome)
        self._news.set()

    def _imported_late(self, files: Mapping[str, Mark | None]) -> None:
        self._late.update(files)
        self._news.set()

    async def _look(self) -> None:
        has_ended = await self._take_outcomes()
        changes = await asyncio.to_thread(self._picture.changes)
        if self._picture.suspicious:
            names = ", ".join(map(printable, self._picture.suspicious))
            _log.debug("waiting for the content of %s", names)
            changes = sorted({*changes, *await written(self._picture)})
        await self._notices.watch(await asyncio.to_thread(places_of, self._picture))
        if changes:
            _log.debug("changed: %s", ", ".join(map(printable, changes)))
            if has_ended or self._location.is_loading:
                await self._restrain(changes[0])
            self._location.reload_changed()
            # If that load hangs or dies, this is what the repair of it may change.
            await asyncio.to_thread(self._picture.widen)
            asyncio.get_running_loop().call_later(_LONG_LOAD_SECONDS, self._news.set)
        elif has_ended:
            self._restraint.load_was_clean()

    async def _restrain(self, changed: str) -> None:
        """Something has changed while it was loaded; wait, when that happens again and again."""
        pause = self._restraint.pause_after_change_while_loading()
        if not pause:
            return
        _log.warning(
            "%s has changed in each of the last loads; if loading the code does that, leave it out "
            "with --watch-filter '!%s'",
            *(printable(changed), printable(os.path.basename(changed))),
        )
        await asyncio.sleep(pause)
        await asyncio.to_thread(self._picture.changes)

    async def _take_outcomes(self) -> bool:
        """Let what loads have used matter; returns whether a load has ended."""
        outcomes, self._outcomes = self._outcomes, []
        for outcome in outcomes:
            if outcome.footprint is not None:
                self._picture.take(outcome.footprint)
                self._say_once_what_is_watched()
            else:
                await asyncio.to_thread(self._picture.widen)
        late, self._late = self._late, {}
        self._picture.add(late)
        return bool(outcomes)

    def _say_once_what_is_watched(self) -> None:
        if self._told:
            return
        self._told = True
        files = [path for path in self._picture.files if os.path.exists(path)]
        if files:
            folders = {os.path.dirname(path) for path in files}
            _log.info(
                "watching %s", describe_counts({"files": len(files), "folders": len(folders)})
            )
        else:
            _log.warning(
                "everything that %s has imported is installed, so there is nothing to watch; "
                "install it with pip install -e, or give a --watch-dir",
                self._target.label,
            )
