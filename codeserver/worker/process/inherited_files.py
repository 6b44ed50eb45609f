"""Regular files that are open at a fork, opened again by each child.

A fork shares the position of an open file with its parent: bytes that one process reads are skipped
by the others. So each child opens the files again, at their positions after the load.
"""

from __future__ import annotations

import contextlib
import fcntl
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codeserver.system.files import SHOWS_LOCKS, name_of, path_of
from codeserver.worker.process import basics, stdio
from codeserver.worker.process.originals import os

_KEPT_FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK | os.O_SYNC | os.O_DSYNC
for _name in ("O_DIRECT", "O_NOATIME"):
    _KEPT_FLAGS |= getattr(os, _name, 0)
_ACCESS = {os.O_RDONLY: os.R_OK, os.O_WRONLY: os.W_OK, os.O_RDWR: os.R_OK | os.W_OK}
_PATH = getattr(os, "O_PATH", 0)


@dataclass(frozen=True)
class OpenFile:
    """An open file.

    Attributes:
        fds: its descriptors: duplicates of one another, which share a position.
        flags: flags to open it again with; they neither create nor truncate it.
        position: offset of the next read or write, in bytes.
    """

    fds: tuple[int, ...]
    flags: int
    position: int

    @property
    def is_only_written(self) -> bool:
        """Whether it is open for writing only, and not for appending."""
        return self.flags & (os.O_ACCMODE | os.O_APPEND) == os.O_WRONLY

    def open_again(self) -> None:
        """Replace its descriptors by ones with a position of their own.

        Raises:
            OSError: it cannot be opened any more.
        """
        fd = os.open(path_of(self.fds[0]), self.flags | os.O_CLOEXEC)
        try:
            if self.position:
                os.lseek(fd, self.position, os.SEEK_SET)
            for number in self.fds:
                os.dup2(fd, number, inheritable=os.get_inheritable(number))
        finally:
            os.close(fd)


def inherited_files() -> list[OpenFile]:
    """The user's open files that each fork of this process can open again."""
    alike: dict[tuple[int, int, int], list[int]] = {}
    for fd in sorted(basics.open_descriptors() - stdio.own_descriptors()):
        with contextlib.suppress(OSError):  # a file system may refuse any of these calls
            status = os.fstat(fd)
            if _has_position(fd, status) and why_shared(fd) is None:
                alike.setdefault((status.st_dev, status.st_ino, _flags(fd)), []).append(fd)
    return [
        OpenFile(fds, flags & _KEPT_FLAGS, os.lseek(fds[0], 0, os.SEEK_CUR))
        for (_, _, flags), each in alike.items()
        for fds in _duplicates(each)
    ]


def open_again(files: Iterable[OpenFile], *, in_turn: bool) -> None:
    """Give these files positions of their own, right after the fork.

    Args:
        files: the result of `inherited_files` in the parent.
        in_turn: share the positions of files that are only written, so that processes write one
            after another.

    Raises:
        OSError: a file cannot be opened any more.
    """
    for file in files:
        if not (in_turn and file.is_only_written):
            file.open_again()


def why_shared(fd: int) -> str | None:
    """The reason that forks cannot open this file again; None if they can, or need not.

    This does not try to open it: closing any descriptor of a file drops the locks of this process
    on it (fcntl(2)).
    """
    status = os.fstat(fd)
    if not _has_position(fd, status):
        return None
    name = name_of(fd)
    if _is_locked(fd):
        return f"a lock is held on an open file: {name}"
    flags = _flags(fd)
    if stat.S_ISREG(status.st_mode) and not status.st_nlink and flags & os.O_ACCMODE:
        # Each process that loads the code would make its own.
        return f"a file without a name is open for writing: {name}"
    if not _may_open(path_of(fd), _ACCESS.get(flags & os.O_ACCMODE, os.F_OK)):
        return f"this process may not open a file again that is open: {name}"
    return None


def _may_open(path: str, access: int) -> bool:
    return os.access(path, access, effective_ids=os.access in os.supports_effective_ids)


def _flags(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_GETFL)


def _has_position(fd: int, status: os.stat_result) -> bool:
    is_file = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return is_file and not _flags(fd) & _PATH


def _is_locked(fd: int) -> bool:
    if not SHOWS_LOCKS:
        return False
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii", errors="replace") as facts:
        return any(line.startswith("lock:") for line in facts)


def _duplicates(fds: list[int]) -> Iterator[tuple[int, ...]]:
    """Group descriptors of one file with the same flags into duplicates of one another.

    Duplicates share their flags. So this changes a flag that has no effect on files and looks which
    descriptors it changes for; most containers forbid kcmp(2).
    """
    while fds:
        flags = _flags(fds[0])
        fcntl.fcntl(fds[0], fcntl.F_SETFL, flags ^ os.O_NONBLOCK)
        try:
            changed = {fd: _flags(fd) != flags for fd in fds}
        finally:
            fcntl.fcntl(fds[0], fcntl.F_SETFL, flags)
        yield tuple(fd for fd in fds if changed[fd])
        fds = [fd for fd in fds if not changed[fd]]
