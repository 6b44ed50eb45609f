"""The current activity of a process that loads code, in words, from its stack.

Python's `faulthandler` writes the stack, the innermost call first. Pure.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass

from codeserver.marks import OWN_FOLDER

_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_ENDS = ('  File "<string>", line 1 in <module>\n', "  ...\n")
"""The last line of a stack: the forkserver's own program, or the end of one that is too long."""

_MODULE = "<module>"
_LIBRARY = sysconfig.get_path("stdlib")
_NOT_THE_USERS = re.compile(
    r".*/(?:site|dist)-packages/"
    rf"|(?:{re.escape(_LIBRARY)}|{re.escape(os.path.realpath(_LIBRARY))})/(?:lib-dynload/)?"
)
_OWN = f"{OWN_FOLDER}{os.sep}"


@dataclass(frozen=True)
class _Call:
    file: str
    line: int
    function: str

    @property
    def is_users(self) -> bool:
        """Whether it is in a file that is neither Python's nor installed nor codeserver's."""
        is_own = self.file.startswith(_OWN)
        return os.path.isabs(self.file) and not (is_own or _NOT_THE_USERS.match(self.file))

    def place(self, directory: str) -> str:
        """The module, or the user's file relative to `directory` with the line."""
        if found := _NOT_THE_USERS.match(self.file):
            name = self.file[found.end() :]
            return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        inside = self.file.startswith(f"{directory}{os.sep}")
        shown = os.path.relpath(self.file, directory) if inside else self.file
        return f"{shown} line {self.line}"


def is_whole(text: str) -> bool:
    """Whether the text is a complete stack."""
    return text.endswith(_ENDS)


def in_words(text: str, directory: str) -> str:
    """The activity of the process, as a phrase after "still"; empty if there is no stack.

    For example `importing pandas.core.frame (repo.py line 3)`, `importing repo.py line 12` or
    `resolving definitions`.

    Args:
        text: a stack, or the part of it that was read.
        directory: the working directory; paths of the user's files are shown relative to it.
    """
    calls = _calls(text)
    if not calls:
        return ""
    users = next((call for call in calls if call.is_users), None)
    module = next(
        (call for call in calls if call.function == _MODULE and call.file[:1] != "<"), None
    )
    if module is None:
        return f"running {users.place(directory)}" if users else "resolving definitions"
    # If a module of the user calls a function during its import, that function takes the time.
    if users is None or module == users:
        return f"importing {module.place(directory)}"
    if module.is_users:
        return f"importing {module.place(directory)}, in {users.place(directory)}"
    return f"importing {module.place(directory)} ({users.place(directory)})"


def _calls(text: str) -> Sequence[_Call]:
    found = (_FRAME.fullmatch(line) for line in text.splitlines())
    return [_Call(_unescaped(each[1]), int(each[2]), _unescaped(each[3])) for each in found if each]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: found[0].encode("ascii").decode("unicode_escape"), text)
