"""How a file or directory looks, so that a change can be noticed. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from itertools import islice

OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))
"""The folder of codeserver itself."""

Mark = list[int]
"""What differs when a file does. A list, because it travels as JSON."""

DEFINITION_SUFFIXES = (".py", ".yaml", ".yml", ".sql")
"""Of files that may belong to the definitions as soon as they are there."""

_MOST_NAMES = 20_000
_CACHE = "__pycache__"


def mark(path: str) -> Mark | None:
    """How the file looks that this path leads to; None when there is none.

    Not only its times: tools keep those. A file that was replaced is another one (inode), and one
    that was made readable has another mode.
    """
    found = _stat(path)
    return None if found is None else mark_in(found)


def mark_in(found: os.stat_result) -> Mark:
    """The `mark` in what the kernel tells of a file."""
    return [found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode]


Look = Mark | str
"""A `mark`, or only the kind of a file: `nothing`, `file`, `folder` or `other`."""


def kind_in(found: os.stat_result | None) -> str:
    """The kind of a file in what the kernel tells of it."""
    if found is None:
        return "nothing"
    if stat.S_ISDIR(found.st_mode):
        return "folder"
    return "file" if stat.S_ISREG(found.st_mode) else "other"


def looks_like(path: str, before: Look) -> bool:
    """Whether a file still looks as before."""
    found = _stat(path)
    if isinstance(before, str):
        return kind_in(found) == before
    return found is not None and mark_in(found) == before


def _stat(path: str) -> os.stat_result | None:
    with contextlib.suppress(OSError, ValueError):
        return os.stat(path)
    return None


def names_that_count(directory: str) -> tuple[list[str], list[str]]:
    """Names of files in a directory that may belong to definitions, and of directories in it."""
    files, folders = [], []
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in islice(entries, _MOST_NAMES):
            if entry.name.startswith((".", _CACHE)):
                continue
            if entry.name.endswith(DEFINITION_SUFFIXES):
                files.append(entry.name)
            elif _is_folder(entry):
                folders.append(entry.name)
    return files, folders


def listing(directory: str) -> str | None:
    """A digest of all names in a directory but Python's caches; None when it cannot be listed."""
    try:
        names = [name for name in os.listdir(directory) if name != _CACHE]
    except OSError:
        return None
    return hashlib.blake2b("\0".join(sorted(names)).encode(errors="surrogateescape")).hexdigest()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
