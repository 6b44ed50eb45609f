"""The files of the last load, and their changes since.

Nothing here relies on events. Whatever an editor, `git` or a deployment has done, the code is
loaded again if its files differ from those that were loaded.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePath

from codeserver.facts import UsedFiles
from codeserver.marks import DEFINITION_SUFFIXES, Mark, mark, names_that_count
from codeserver.supervisor.watching.patterns import Patterns, is_looked_into

_log = logging.getLogger("codeserver")

_MOST_FOLDERS = 10_000
_MOST_WIDENED = 1_000

Marks = dict[str, "Mark | None"]


class Picture:
    """The files that matter, each with its mark.

    Args:
        roots: the directories in which every file matters that `patterns` wants.

    Attributes:
        suspicious: the files of the last changes that have become empty or were removed, and may
            be about to be written.
        written: the files that the last load has written itself.
        rewritten: the files that were written during the last load before it read them.
        root_folders: the directories in which new files matter, whatever their names.
    """

    def __init__(self, roots: Sequence[str], patterns: Patterns) -> None:
        self._roots = roots
        self._patterns = patterns
        self._files: Marks = {}
        self._folders: dict[str, tuple[set[str], set[str]]] = {}
        self._new_folders: set[str] = set()
        self._root_files: Marks = {}
        self.root_folders: list[str] = []
        self._too_large: set[str] = set()
        self._new: set[str] = set()
        self._before: Marks = {}
        self.written: set[str] = set()
        self.rewritten: set[str] = set()
        self.suspicious: list[str] = []
        self.changes()

    def begin(self, files: Sequence[str], folders: Sequence[str]) -> None:
        """Watch these files, and definition files in these folders, until the first load ends."""
        self.take(
            UsedFiles(
                files={path: mark(path) for path in files},
                folders={path: names_that_count(path) for path in folders},
            )
        )
        self.widen()

    def take(self, footprint: UsedFiles) -> None:
        """Watch the files that a load has used from now on, compared with their state then."""
        self._files, self._new = {}, set()
        self.written = set(footprint.written)
        # The marks are compared, too, because the clock of another machine may be ahead.
        self.rewritten = {
            path for path in footprint.rewritten if self._before.get(path) != footprint.files[path]
        }
        self.add(footprint.files)
        self._folders = {
            path: ({*files}, {*folders}) for path, (files, folders) in footprint.folders.items()
        }

    def load_begins(self) -> None:
        """Remember the marks of the files at the start of a load."""
        self._before = dict(self._files)

    def add(self, files: Mapping[str, Mark | None]) -> None:
        """Watch these files, too, each compared with its mark."""
        for path, before in files.items():
            if not self._patterns.excludes(path):
                self._files.setdefault(path, before)

    def widen(self) -> None:
        """Watch every definition file in and below the watched folders, from its state now.

        The files of a load are not known before its end, and never if it dies.
        """
        folders = {*self._folders, *self._new_folders}
        for top in folders:
            if any(str(parent) in folders for parent in PurePath(top).parents):
                continue
            for _, paths in islice(_walk(top), _MOST_WIDENED):
                found = (path for path in paths if path.endswith(DEFINITION_SUFFIXES))
                self.add({path: mark(path) for path in found})

    def changes(self) -> list[str]:
        """The paths that have changed since the last call."""
        self.suspicious = []
        return sorted({*self._changed_files(), *self._added_files(), *self._changed_in_roots()})

    def what(self, path: str) -> str:
        """The name of a change: the path, or a pattern if the file is new."""
        if path not in self._new:
            return path
        return os.path.join(os.path.dirname(path), f"*{os.path.splitext(path)[1]}")

    def unread(self, paths: Iterable[str]) -> set[str]:
        """The paths in watched directories that the last load has not read itself.

        Another process of the load may have read them before they changed.
        """
        roots = tuple(os.path.join(root, "") for root in self._roots)
        return {path for path in paths if path.startswith(roots) and path not in self._files}

    def stale(self, uses: Mapping[str, Mark | None]) -> list[str]:
        """The paths of used files whose marks are different now; `uses` are the marks before."""
        return [
            path
            for path, before in uses.items()
            if not self._patterns.excludes(path) and mark(path) != before
        ]

    @property
    def files(self) -> set[str]:
        """The files that matter."""
        return {*self._files, *self._root_files}

    @property
    def folders(self) -> set[str]:
        """The directories in which new files matter, even if they do not exist."""
        return {*self._folders, *self._new_folders, *self._roots, *self.root_folders}

    def _changed_files(self) -> Iterator[str]:
        for path, before in self._files.items():
            now = mark(path)
            if now != before:
                self._files[path] = now
                self._suspect(path, before, now)
                yield path

    def _suspect(self, path: str, before: Mark | None, now: Mark | None) -> None:
        if before is not None and before[1] > 0 and (now is None or now[1] == 0):
            self.suspicious.append(path)

    def _added_files(self) -> Iterator[str]:
        """Files that did not exist when the load listed their directories."""
        self._new_folders = set()
        for folder, (files, folders) in self._folders.items():
            names, inside = names_that_count(folder)
            for name in set(names) - files:
                yield from self._added(os.path.join(folder, name))
            new = (os.path.join(folder, name) for name in set(inside) - folders)
            for top in filter(is_looked_into, new):
                for each, found in islice(_walk(top), _MOST_FOLDERS):
                    self._new_folders.add(each)
                    for path in found:
                        if path.endswith(DEFINITION_SUFFIXES):
                            yield from self._added(path)

    def _added(self, path: str) -> Iterator[str]:
        if not (path in self._files or path in self.written or self._patterns.excludes(path)):
            self._files[path] = mark(path)
            self._new.add(path)
            yield path

    def _changed_in_roots(self) -> Iterator[str]:
        before, now = self._root_files, Marks()
        self.root_folders = []
        for root in self._roots:
            for number, (folder, files) in enumerate(_walk(root)):
                if number == _MOST_FOLDERS:
                    self._say_once_that_it_is_too_large(root)
                    break
                self.root_folders.append(folder)
                now.update((path, mark(path)) for path in files if self._patterns.wants(path))
        self._root_files = now
        # Files that the load itself has read are compared with their state at that time.
        for path in (before.keys() | now.keys()) - self._files.keys():
            if before.get(path) != now.get(path):
                if before.get(path) is None:
                    self._new.add(path)
                self._suspect(path, before.get(path), now.get(path))
                yield path

    def _say_once_that_it_is_too_large(self, root: str) -> None:
        if root not in self._too_large:
            self._too_large.add(root)
            _log.warning(
                "%s has more than %d directories; not all are watched", root, _MOST_FOLDERS
            )


def _walk(top: str) -> Iterator[tuple[str, list[str]]]:
    """Each directory at and below `top` that is not skipped, and the paths of its files."""
    waiting = [top]
    while waiting:
        folder, files = waiting.pop(), []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    # Links to directories are not followed, because they may lead in a circle.
                    if not entry.is_dir(follow_symlinks=False):
                        files.append(entry.path)
                    elif is_looked_into(entry.path):
                        waiting.append(entry.path)
        except OSError:
            continue
        yield folder, files
