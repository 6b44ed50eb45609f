"""The patterns for files that are watched, and for files that are not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase

from watchfiles import Change, DefaultFilter

_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "dist-packages"})
_ENVIRONMENT_MARKER = "pyvenv.cfg"


class Patterns:
    """The operator's `--watch-filter`.

    Args:
        texts: patterns for `fnmatch`. Files that match one with a `!` before it are never watched.
            If there are patterns without, only files that match one of them are watched in a
            `--watch-dir`. A pattern with a `/` is matched with the path or the end of it, any
            other with the name.
    """

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._wanted = [text for text in texts if not text.startswith("!")]
        self._unwanted = [text[1:] for text in texts if text.startswith("!")]
        self._leftovers = DefaultFilter(ignore_dirs=())

    def excludes(self, path: str) -> bool:
        """Whether a pattern with `!` matches this file."""
        return any(_matches(path, pattern) for pattern in self._unwanted)

    def wants(self, path: str) -> bool:
        """Whether this file matters if it is in a watched directory.

        Temporary files of editors and hidden files do not, unless a pattern matches them.
        """
        if self.excludes(path):
            return False
        if self._wanted:
            return any(_matches(path, pattern) for pattern in self._wanted)
        if os.path.basename(path).startswith("."):
            return False
        return self._leftovers(Change.modified, path)


def is_looked_into(folder: str) -> bool:
    """Whether files matter in this directory below a watched one."""
    name = os.path.basename(folder)
    if name.startswith(".") or name in _SKIPPED_FOLDERS:
        return False
    return not os.path.exists(os.path.join(folder, _ENVIRONMENT_MARKER))


def _matches(path: str, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatchcase(os.path.basename(path), pattern)
    return fnmatchcase(path, pattern if pattern.startswith(("/", "*")) else f"*/{pattern}")
