"""Loads the code again after it has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import time
from collections.abc import Mapping, Set
from functools import partial

from codeserver.config import Config
from codeserver.letters import printable
from codeserver.marks import Mark
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.host import Host
from codeserver.supervisor.loading.snapshot import describe_counts
from codeserver.supervisor.location import Location
from codeserver.supervisor.processes.tasks import Tasks
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
_LONG_IMPORT_SECONDS = 10.0
_TIMER_SECONDS = 0.01
"""Seconds by which a timer may be early."""
_SOURCE = ".py"


class _Due:
    """A load that is due.

    Attributes:
        what: the changes.
        quiet: the seconds between the end of the last load and the first change.
        is_anew: whether it restarts a load that is under way.
        confirms: whether its only purpose is to confirm that loading writes the changes.
    """

    def __init__(self) -> None:
        self.what: set[str] = set()
        self.quiet = 0.0
        self.is_anew = False
        self.confirms = False
        self._at = math.inf

    @property
    def is_set(self) -> bool:
        return bool(self.what)

    @property
    def is_now(self) -> bool:
        return time.monotonic() >= self._at - _TIMER_SECONDS

    def add(self, what: Set[str], seconds: float, quiet: float) -> None:
        """Add changes for which a load is due in some seconds."""
        self.confirms = False
        if not self.what:
            self.quiet = quiet
        self.what |= what
        self._at = min(self._at, time.monotonic() + seconds)


class Watcher:
    """Watches the files of the code, and has the location load it again.

    A load that is under way is restarted only if a source that it has imported has changed. After
    its end, the files are compared with those that it has used.
    """

    def __init__(self, config: Config, target: Target, location: Location, tasks: Tasks) -> None:
        self._location = location
        self._importing = location.importing
        self._target = target
        self._news = asyncio.Event()
        self._notices = Notices(self._news, config.watch_poll, tasks)
        roots = [os.path.join(current_directory(), each) for each in config.watch_dir]
        self._make_picture = partial(Picture, roots, Patterns(config.watch_filter))
        self._outcomes: list[LoadFailure | Host] = []
        self._has_imported = False
        self._quiet_since = -math.inf
        self._is_to_compare = False
        self._meanwhile: dict[str, str] = {}
        self._restraint = Restraint()
        self._to_confirm: set[str] = set()
        self._due = _Due()
        self._told = False
        self._late: dict[str, Mark | None] = {}
        location.current.on_load_end(self._load_ended)
        location.imported_late = self._imported_late
        self._importing.on_end = self._import_ended

    async def begin(self) -> None:
        """Look at the files before the first load."""
        self._picture = await asyncio.to_thread(self._make_picture)
        files = [self._target.path] if self._target.path is not None else []
        await asyncio.to_thread(self._picture.begin, files, self._target.directories)

    async def run(self) -> None:
        """Look for changes at every notice, and every ten seconds; call `begin` before."""
        self._news.set()
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_ANYWAY_SECONDS)
            self._news.clear()
            try:
                await self._look()
            except Exception:
                # Without this, no further edit would be noticed.
                _log.exception("what has changed could not be found out; trying again")
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
                self._news.set()

    def _load_ended(self, outcome: LoadFailure | Host) -> None:
        self._outcomes.append(outcome)
        self._news.set()

    def _import_ended(self) -> None:
        self._has_imported = True
        self._quiet_since = time.monotonic()
        self._news.set()

    def _imported_late(self, files: Mapping[str, Mark | None]) -> None:
        self._late.update(files)
        self._news.set()

    async def _look(self) -> None:
        await self._take_outcomes()
        self._picture.add(self._importing.uses)
        self._picture.add(self._location.forkservers.marks)
        changes = await asyncio.to_thread(self._picture.changes)
        if self._picture.suspicious:
            names = ", ".join(map(printable, self._picture.suspicious))
            _log.debug("waiting for the content of %s", names)
            changes = sorted({*changes, *await written(self._picture)})
        await self._notices.watch(await asyncio.to_thread(places_of, self._picture))
        if changes:
            _log.debug("changed: %s", ", ".join(map(printable, changes)))
        found = {path: self._picture.what(path) for path in changes}
        if self._is_importing:
            await self._changed_while_importing(found)
        elif self._is_to_compare:
            self._is_to_compare = False
            self._compare(found)
        elif found:
            self._changed_at_rest(found)
        self._load_if_due()
        if self._is_to_compare and not self._is_importing:
            self._news.set()  # the import has ended during this look

    def _changed_at_rest(self, found: Mapping[str, str]) -> None:
        """Load edited files, except those that a step of a run may have written at its import."""
        may_be_written = bool(self._location.runs.current)
        written = {
            each
            for path, each in found.items()
            if may_be_written and self._restraint.is_rewritten(path)
        }
        if what := {*found.values()} - written:
            self._restraint.edited(what)
            self._wait_or_load(what)
        else:
            self._confirm(written)

    @property
    def _is_importing(self) -> bool:
        """Whether an import is under way, or has ended and its files are not taken yet."""
        is_over = not (self._location.is_loading or self._importing.is_under_way)
        return not is_over or self._has_imported or bool(self._outcomes)

    async def _changed_while_importing(self, found: Mapping[str, str]) -> None:
        """Restart a load that has imported a source that has changed since."""
        self._meanwhile.update(found)
        if not self._location.is_loading:
            self._judge({path: self._meanwhile.pop(path) for path in self._early()})
            return
        if not self._due.is_anew:
            self._due = _Due()  # this load has begun after the change
        stale = await asyncio.to_thread(self._picture.stale, dict(self._importing.uses))
        stale = sorted({*stale} - self._restraint.by_loading - self._picture.written)
        if stale and self._location.is_loading and not self._due.is_set:
            _log.debug("is loaded out of date: %s", ", ".join(map(printable, stale)))
            self._wait({*stale}, self._restraint.patience())
            self._due.is_anew = True
        elif self._meanwhile:
            self._location.reload_changed(only_if_stuck=True)

    def _early(self) -> list[str]:
        """The changes that are judged before evaluators and runs have loaded the code.

        These are sources, unless they change repeatedly. Data may be written by those imports.
        """
        is_long = self._importing.lasted > _LONG_IMPORT_SECONDS
        return [
            path
            for path, each in self._meanwhile.items()
            if (is_long or path.endswith(_SOURCE)) and not self._restraint.suspects(each)
        ]

    def _compare(self, found: Mapping[str, str]) -> None:
        """Load the code again if files have changed that loading does not write."""
        changed = {**self._meanwhile, **found}
        to_confirm, self._to_confirm = self._to_confirm, set()
        seen = {*changed.values(), *self._picture.rewritten}
        for each in sorted(self._restraint.confirm(to_confirm, seen) if to_confirm else ()):
            _log.warning(
                "%s changes whenever the code is loaded, so loading seems to write it; from now on "
                "it matters only at other times. To leave it out altogether: "
                "--watch-filter '!%s'",
                *map(printable, (each, _filter_for(each))),
            )
        self._judge(changed)
        if not self._due.is_set:
            self._restraint.nothing_changed()
        self._meanwhile = {}

    def _judge(self, changed: Mapping[str, str]) -> None:
        changed = {p: each for p, each in changed.items() if p not in self._picture.written}
        excused = {each for path, each in changed.items() if self._restraint.is_rewritten(path)}
        what = {*changed.values()} - excused
        self._restraint.changed_while_loading(what)
        excused |= what & self._restraint.by_loading
        if what := what - excused:
            self._wait_or_load(what)
        else:
            self._confirm(excused)

    def _confirm(self, excused: Set[str]) -> None:
        """Load once more, after a rest, before a change is ignored because loading writes it."""
        if (what := self._restraint.unconfirmed(excused)) and not self._due.is_set:
            self._wait(what, self._restraint.rest(self._importing.seconds))
            self._due.confirms = True

    def _wait_or_load(self, what: Set[str]) -> None:
        pause = self._restraint.pause(what, self._quiet, self._importing.seconds)
        self._wait(what, pause)

    @property
    def _quiet(self) -> float:
        return time.monotonic() - self._quiet_since

    def _wait(self, what: Set[str], seconds: float) -> None:
        self._due.add(what, seconds, self._quiet)
        asyncio.get_running_loop().call_later(seconds, self._news.set)

    def _load_if_due(self) -> None:
        if not self._due.is_now:
            return
        what = self._due.what
        if self._restraint.note_load(what, self._due.quiet):
            first = min(what)
            _log.warning(
                "%s changes again and again, so there are pauses before it is loaded; if that does "
                "not matter, leave it out with --watch-filter '!%s'",
                *map(printable, (first, _filter_for(first))),
            )
        self._to_confirm = what if self._due.confirms else set()
        self._due = _Due()
        self._picture.load_begins()
        self._location.reload_changed()
        asyncio.get_running_loop().call_later(_LONG_LOAD_SECONDS, self._news.set)

    async def _take_outcomes(self) -> None:
        """Watch the files that the ended loads have used."""
        outcomes, self._outcomes = self._outcomes, []
        self._is_to_compare |= self._has_imported or bool(outcomes)
        self._has_imported = False
        for outcome in outcomes:
            self._due = _Due()
            report = outcome if isinstance(outcome, LoadFailure) else outcome.report
            footprint = report.footprint
            if footprint is not None:
                self._picture.take(footprint)
                self._restraint.load_rewrote(self._picture.rewritten)
                unread = self._picture.unread(self._meanwhile)
                self._meanwhile = {path: self._meanwhile[path] for path in unread}
                self._say_once_what_is_watched()
            else:
                await asyncio.to_thread(self._picture.widen)
        late, self._late = self._late, {}
        self._picture.add(late)

    def _say_once_what_is_watched(self) -> None:
        if self._told:
            return
        self._told = True
        watched = self._picture.files - self._location.forkservers.marks.keys()
        files = [path for path in watched if os.path.exists(path)]
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


def _filter_for(what: str) -> str:
    """The pattern for `--watch-filter`; a pattern for new files includes their directory."""
    folder, name = os.path.split(what)
    return os.path.join(os.path.basename(folder), name) if "*" in name else name
