"""The files that a load has used, and their changes since. Pure but for looks at the files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from codeserver.facts import UsedFiles
from codeserver.marks import Look, listing, looks_like, mark

_MOST_NAMED = 3


class Used:
    """The files that a load has used, and their changes since.

    Args:
        footprint: the user's files.
        folders: the directories of installed packages.
    """

    def __init__(self, footprint: UsedFiles, folders: Sequence[str]) -> None:
        self._files = {**footprint.data, **footprint.files}
        self._listings = footprint.listings
        self._packages = {path: mark(path) for path in folders}
        self.is_whole = footprint.is_whole

    @classmethod
    def nothing(cls) -> Used:
        """Make an empty one, for code that is not loaded."""
        return cls.packages(())

    @classmethod
    def packages(cls, folders: Sequence[str]) -> Used:
        """Make one of these directories of installed packages alone, as they are now."""
        return cls(UsedFiles(), folders)

    def changes(self, looks: Mapping[str, Look]) -> list[str]:
        """The changes since the load, in words.

        Args:
            looks: further files to compare, by path, with their state during the rehearsal.
        """
        found = [path for path, before in looks.items() if not looks_like(path, before)]
        found += [path for path, before in self._files.items() if mark(path) != before]
        found += [path for path, before in self._listings.items() if listing(path) != before]
        words = [f"{_named(found)} changed after the load"] if found else []
        if any(mark(path) != before for path, before in self._packages.items()):
            words.append("packages were installed or removed after the load")
        if not self.is_whole:
            words.append("the load has read too many files to compare them")
        return words


def _named(paths: Sequence[str]) -> str:
    names = [_short(path) for path in paths[:_MOST_NAMED]]
    if len(paths) > _MOST_NAMED:
        names.append(f"{len(paths) - _MOST_NAMED} more")
    return ", ".join(names)


def _short(path: str) -> str:
    try:
        short = os.path.relpath(path)
    except OSError:  # the current directory was removed
        return path
    return path if short.startswith(os.pardir) else short
