"""What a load has used of the user's files, so that a change of exactly that can be noticed.

Python tells of every file that it opens and of every directory that it lists (PEP 578). Sources of
modules are not always opened, as there may be bytecode; their loader tells of them (`bytecode`).
Everything is marked as it was *before* it was used. So whatever changes while the code is being
loaded differs from its mark afterwards. What the load itself writes is told as well, because that
is no change; and what was written anew before the load has read it, because how it was before does
not matter.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from codeserver.facts import UsedFiles
from codeserver.marks import Mark, listing, mark, names_that_count
from codeserver.worker.loading import bytecode
from codeserver.worker.user_files import is_users_directory, is_users_file, origin_of

_DATA = (".py", ".yaml", ".yml", ".sql", ".toml", ".json")
"""What definitions are made of. Other files that are read may be data that changes all the time."""

_COARSE = 5
"""CLOCK_REALTIME_COARSE of Linux (clock_gettime(2)), which `time` has no name for."""

_SOURCE = ".py"
_SETTINGS = ".env"
_OF_THE_INSTANCE = "dagster.yaml"

_LISTING = ("os.listdir", "os.scandir")
_WRITING = os.O_WRONLY | os.O_RDWR
_MOST_FOLDERS = 2_000
_MOST_DATA = 20_000
_IMPORT_SYSTEM = "<frozen importlib"


def _time_of_files() -> int:
    """The time that a file would get that is written now, in nanoseconds.

    Linux takes it from a clock that is some milliseconds late.
    """
    return time.clock_gettime_ns(_COARSE if sys.platform == "linux" else time.CLOCK_REALTIME)


class Footprint:
    """The user's files that were read, and directories that were listed, since `record`.

    Args:
        directory: the working directory as the user writes it, which may have links in it.
        tell: called with each source, and its mark, before it is imported.
    """

    def __init__(
        self,
        directory: str | None = None,
        tell: Callable[[str, Mark | None], None] | None = None,
    ) -> None:
        self._directory = directory
        self._tell = tell
        self._telling = threading.Lock()
        self._process = os.getpid()
        self._files: dict[str, Mark | None] = {}
        self._folders: dict[str, tuple[list[str], list[str]]] = {}
        self._data: dict[str, Mark | None] = {}
        self._listings: dict[str, str | None] = {}
        self._written: set[str] = set()
        self._rewritten: list[str] = []
        self._began = 0
        self._is_open = True
        self._known: set[str] = set()
        self._reported = 0
        self._looking: int | None = None

    def record(self) -> None:
        """Begin; there is one footprint a process, because Python does not forget a hook."""
        self._known = set(sys.modules)
        self._began = _time_of_files()
        bytecode.listeners.append(self._source)
        sys.addaudithook(self._hear)

    def expect(self, path: str) -> None:
        """Mark a file that will be read, whether or not it is there."""
        path = self._absolute(path)
        self._used(path)
        self._listed(os.path.dirname(path))

    def close(self) -> None:
        """End the load; from now on, only sources of modules that are imported late are marked."""
        for name, module in list(sys.modules.items()):
            if name not in self._known and (origin := origin_of(module)) is not None:
                self._source(origin)  # those that have no source, such as extensions
        with self._telling:
            self._is_open = False
        for path in self._written:
            self._files.pop(path, None)
            self._data.pop(path, None)
        self._reported = len(self._files)

    @property
    def facts(self) -> UsedFiles:
        """What the load has used."""
        return UsedFiles(
            files=self._files,
            folders=self._folders,
            written=sorted(filter(is_users_file, self._written)),
            rewritten=[path for path in self._rewritten if path in self._files],
            data=self._data,
            listings=self._listings,
            is_whole=max(len(self._data), len(self._listings)) < _MOST_DATA,
        )

    def take_late(self) -> Mapping[str, Mark | None]:
        """Sources of modules that were imported since the load, or since the last call."""
        late = dict(islice(self._files.items(), self._reported, None))
        self._reported = len(self._files)
        return late

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_open or (event != "open" and event not in _LISTING):
            return
        if self._looking == threading.get_ident():
            return
        # An exception here would be one of what the user does.
        with contextlib.suppress(Exception), self._is_looking():
            if event == "open":
                self._opened(*arguments)
            elif not isinstance(arguments[0], int):
                path = os.fsdecode(arguments[0] or ".")
                self._listed(path)
                # Those of Python's search for modules change whenever anything is put beside them.
                if not sys._getframe(1).f_code.co_filename.startswith(_IMPORT_SYSTEM):
                    self._looked_into(self._absolute(path))

    @contextlib.contextmanager
    def _is_looking(self) -> Iterator[None]:
        """What this does itself is not the user's doing."""
        self._looking = threading.get_ident()
        try:
            yield
        finally:
            self._looking = None

    def _opened(self, path: Any, _mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        name = os.fsdecode(path)
        if isinstance(flags, int) and flags & _WRITING:
            self._written.add(self._absolute(name))
        elif self._matters(os.path.basename(name)):
            self._source(name)
        else:
            self._read(self._absolute(name))

    def _read(self, path: str) -> None:
        if path not in self._data and len(self._data) < _MOST_DATA and is_users_file(path):
            self._data[path] = mark(path)

    def _looked_into(self, path: str) -> None:
        is_new = path not in self._listings and len(self._listings) < _MOST_DATA
        if is_new and is_users_directory(path):
            self._listings[path] = listing(path)

    @staticmethod
    def _matters(name: str) -> bool:
        return (name.endswith(_DATA) and name != _OF_THE_INSTANCE) or name == _SETTINGS

    def _source(self, path: str) -> None:
        path = self._absolute(path)
        if path not in self._files and is_users_file(path):
            self._used(path)
            if self._is_open:
                self._listed(os.path.dirname(path))  # what comes beside it may be imported, too

    def _used(self, path: str) -> None:
        self._files[path] = found = mark(path)
        if found is not None and self._is_open and found[0] >= self._began > 0:
            self._rewritten.append(path)
        # Not in what the user forks: that has a copy of the socket to the front.
        if self._tell is None or not path.endswith(_SOURCE) or os.getpid() != self._process:
            return
        # Nobody waits here: what is not told now is known at the end.
        if self._telling.acquire(blocking=False):
            try:
                if self._is_open:
                    self._tell(path, found)
            finally:
                self._telling.release()

    def _listed(self, path: str) -> None:
        path = self._absolute(path)
        if path in self._folders or len(self._folders) >= _MOST_FOLDERS:
            return
        if is_users_directory(path):
            with self._is_looking():
                self._folders[path] = names_that_count(path)

    def _absolute(self, path: str) -> str:
        if not os.path.isabs(path) and self._directory is not None:
            # As the user would write it, so that a link that is replaced is noticed.
            with contextlib.suppress(OSError):
                if os.path.samefile(self._directory, os.getcwd()):
                    path = os.path.join(self._directory, path)
        return os.path.abspath(path)
