"""Files that the user's code asks about without opening them, such as for existence or age.

Python has no audit events for that, so the functions that ask are replaced for good.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from codeserver.marks import Look, kind_in, mark_in
from codeserver.worker.user_files import is_users_file

_stat = os.stat
_MOST = 20_000
_ASKING = frozenset(
    {"genericpath", "posixpath", "pathlib", "pathlib._local", "pathlib._abc", "pathlib._os"}
)
_FOR_THE_KIND = frozenset({"exists", "isfile", "isdir", "is_file", "is_dir", "ismount"})
"""Functions of the standard library that reveal only the kind of a file."""


class Looks:
    """Records each file that the user's code asks about.

    Args:
        is_users: tells whether a line of the user's code has led to a frame.

    Attributes:
        found: the state of each file, in the detail that the code asked for, by path.
    """

    def __init__(self, is_users: Callable[[FrameType], bool]) -> None:
        self.found: dict[str, Look] = {}
        self._is_users = is_users

    def listen(self) -> None:
        """Replace the functions that ask about files."""
        ask, allowed = os.stat, os.access

        def told_stat(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
            try:
                answer = ask(path, *arguments, **options)
            except OSError:
                self._asked(path, None, sys._getframe(1))
                raise
            self._asked(path, answer, sys._getframe(1))
            return answer

        def told_access(path: Any, *arguments: Any, **options: Any) -> bool:
            found = None
            with contextlib.suppress(OSError):
                found = ask(path)
            self._asked(path, found, sys._getframe(1), for_the_kind=True)
            return allowed(path, *arguments, **options)

        os.stat, os.access = told_stat, told_access

    def is_there(self, path: Any) -> bool:
        """Whether this is an existing folder. If so, it is recorded."""
        # An exception here would be raised by the user's call.
        with contextlib.suppress(Exception):
            found = kind_in(_stat(path))
            if found == "folder":
                self._note(os.fsdecode(path), found)
                return True
        return False

    def _asked(
        self,
        path: Any,
        found: os.stat_result | None,
        frame: FrameType,
        *,
        for_the_kind: bool = False,
    ) -> None:
        # An exception here would be raised by the user's call.
        with contextlib.suppress(Exception):
            if isinstance(path, int) or not self._is_users(frame):
                return
            # Of a folder, only the kind: its times change with every new entry.
            kind = kind_in(found)
            of_kind = for_the_kind or kind != "file" or _asks_for_the_kind(frame)
            self._note(os.fsdecode(path), kind if of_kind or found is None else mark_in(found))

    def _note(self, path: str, look: Look) -> None:
        path = os.path.abspath(path)
        is_more = path not in self.found or isinstance(self.found[path], str)
        if is_more and len(self.found) < _MOST and is_users_file(path):
            self.found[path] = look


def _asks_for_the_kind(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_globals.get("__name__") in _ASKING:
        if frame.f_code.co_name in _FOR_THE_KIND:
            return True
        frame = frame.f_back
    return False
