"""The state of files and directories, for noticing changes. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from itertools import islice

OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))
"""The folder of codeserver itself."""

# As they are before user code is loaded, which may replace them.
_listdir, _os_stat, _scandir = os.listdir, os.stat, os.scandir

Mark = list[int]
"""A value that changes when a file does. A list, because it travels as JSON."""

DEFINITION_SUFFIXES = (".py", ".yaml", ".yml", ".sql")
"""Suffixes of files that may become part of the code as soon as they exist."""

_MOST_NAMES = 20_000
_CACHE = "__pycache__"


def mark(path: str) -> Mark | None:
    """The mark of the file at this path, after following links; None if there is none.

    Times are not enough, because some tools preserve them. A replacement has another inode, and a
    file that was made readable has another mode.
    """
    found = _stat(path)
    return None if found is None else mark_in(found)


def mark_in(found: os.stat_result) -> Mark:
    """The `mark` of a file, from its `stat` result."""
    return [found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode]


Look = Mark | str
"""A `mark`, or just a kind: `nothing`, `file`, `folder` or `other`."""


def kind_in(found: os.stat_result | None) -> str:
    """The kind of a file, from its `stat` result."""
    if found is None:
        return "nothing"
    if stat.S_ISDIR(found.st_mode):
        return "folder"
    return "file" if stat.S_ISREG(found.st_mode) else "other"


def looks_like(path: str, before: Look) -> bool:
    """Whether the file at this path is unchanged since `before`."""
    found = _stat(path)
    if isinstance(before, str):
        return kind_in(found) == before
    return found is not None and mark_in(found) == before


def _stat(path: str) -> os.stat_result | None:
    with contextlib.suppress(OSError, ValueError):
        return _os_stat(path)
    return None


def names_that_count(directory: str) -> tuple[list[str], list[str]]:
    """Names of files in a directory that may be part of the code, and of its subdirectories."""
    files, folders = [], []
    with contextlib.suppress(OSError), _scandir(directory) as entries:
        for entry in islice(entries, _MOST_NAMES):
            if entry.name.startswith((".", _CACHE)):
                continue
            if entry.name.endswith(DEFINITION_SUFFIXES):
                files.append(entry.name)
            elif _is_folder(entry):
                folders.append(entry.name)
    return files, folders


def listing(directory: str) -> str | None:
    """A digest of the names in a directory, without `__pycache__`; None if it is unreadable."""
    try:
        names = [name for name in _listdir(directory) if name != _CACHE]
    except OSError:
        return None
    return hashlib.blake2b("\0".join(sorted(names)).encode(errors="surrogateescape")).hexdigest()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
