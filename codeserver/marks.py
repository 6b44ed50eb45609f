"""How a file or directory looks, so that a change can be noticed. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import os
from itertools import islice

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
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return [found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode]


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
