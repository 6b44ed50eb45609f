"""The user's files that a load has used, so that a change to exactly those files is noticed.

Python's audit events report every file that it opens and every directory that it lists (PEP 578).
A module with cached bytecode may be imported without opening its source, so the source loader
reports sources (`bytecode`). Each file is marked *before* it is used. So a file that changes during
the load differs from its mark afterwards. Two kinds of change do not count, and are listed: writes
by the load itself, and changes to a file before the load has read it.
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
from codeserver.system import IS_LINUX
from codeserver.worker.loading import bytecode
from codeserver.worker.process.modules import Since
from codeserver.worker.user_files import is_users_directory, is_users_file, origin_of

_DATA = (".py", ".yaml", ".yml", ".sql", ".toml", ".json")
"""Suffixes of files that define things. Other files may be data that changes all the time."""

_COARSE = 5
"""Linux's CLOCK_REALTIME_COARSE (clock_gettime(2)), which the module `time` does not define."""

_SOURCE = ".py"
_SETTINGS = ".env"
_OF_THE_INSTANCE = "dagster.yaml"

_LISTING = ("os.listdir", "os.scandir")
_WRITING = os.O_WRONLY | os.O_RDWR
_MOST_FOLDERS = 2_000
_MOST_DATA = 20_000
_IMPORT_SYSTEM = "<frozen importlib"


def _time_of_files() -> int:
    """The modification time of a file that is written now, in nanoseconds.

    Linux takes it from a clock that lags by some milliseconds.
    """
    return time.clock_gettime_ns(_COARSE if IS_LINUX else time.CLOCK_REALTIME)


class Footprint:
    """The user's files that were read, and directories that were listed, since `record`.

    Args:
        directory: the working directory as written by the user; the path may have links in it.
        tell: called with each source and its mark before the import of the source.
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
        self._modules = Since()
        self._reported = 0
        self._looking: int | None = None

    def record(self) -> None:
        """Begin. Call it once in a process: an audit hook cannot be removed."""
        self._modules = Since()
        self._began = _time_of_files()
        bytecode.listeners.append(self._source)
        sys.addaudithook(self._hear)

    def expect(self, path: str) -> None:
        """Mark a file that the load will look for, even if it does not exist."""
        path = self._absolute(path)
        self._used(path)
        self._listed(os.path.dirname(path))

    def close(self) -> None:
        """End the load. Afterwards, only sources of modules that are imported late are marked."""
        for name in self._modules.names():
            if (origin := origin_of(sys.modules.get(name))) is not None:
                self._source(origin)  # modules without a source, such as extensions
        with self._telling:
            self._is_open = False
        for path in self._written:
            self._files.pop(path, None)
            self._data.pop(path, None)
        self._reported = len(self._files)

    @property
    def facts(self) -> UsedFiles:
        """The files that the load has used."""
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
        """Sources of modules that were imported since the load or the last call, with marks."""
        late = dict(islice(self._files.items(), self._reported, None))
        self._reported = len(self._files)
        return late

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_open or (event != "open" and event not in _LISTING):
            return
        if self._looking == threading.get_ident():
            return
        # An exception here would be raised by the user's call of `open` or `listdir`.
        with contextlib.suppress(Exception), self._is_looking():
            if event == "open":
                self._opened(*arguments)
            elif not isinstance(arguments[0], int):
                path = os.fsdecode(arguments[0] or ".")
                self._listed(path)
                # Directories that Python searches for modules change with every new file in them.
                if not sys._getframe(1).f_code.co_filename.startswith(_IMPORT_SYSTEM):
                    self._looked_into(self._absolute(path))

    @contextlib.contextmanager
    def _is_looking(self) -> Iterator[None]:
        """Ignore events of this thread within the block: the footprint itself causes them."""
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
                self._listed(os.path.dirname(path))  # a new file beside it may be imported, too

    def _used(self, path: str) -> None:
        self._files[path] = found = mark(path)
        if found is not None and self._is_open and found[0] >= self._began > 0:
            self._rewritten.append(path)
        # Not in forks that user code makes: they have a copy of the socket to the front.
        if self._tell is None or not path.endswith(_SOURCE) or os.getpid() != self._process:
            return
        # Do not wait: a source that is not reported now is part of the facts at the end.
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
            # Keep links in the path, so that a replaced link is noticed.
            with contextlib.suppress(OSError):
                if os.path.samefile(self._directory, os.getcwd()):
                    path = os.path.join(self._directory, path)
        return os.path.abspath(path)
