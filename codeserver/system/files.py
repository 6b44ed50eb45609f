"""Open files of this process."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat

from codeserver.system import IS_LINUX

SHOWS_LOCKS: bool = IS_LINUX
"""Whether the locks on an open file can be seen."""

_FOLDER = "/proc/self/fd" if IS_LINUX else "/dev/fd"
_GET_PATH: int | None = getattr(fcntl, "F_GETPATH", None)
_LONGEST_PATH = 1024
_MOST_FILES = 10_240  # OPEN_MAX of macOS, which refuses more if the hard limit is infinite

_listdir, _fstat, _stat, _fcntl, _fsdecode, _readlink = (
    *(os.listdir, os.fstat, os.stat, fcntl.fcntl, os.fsdecode, os.readlink),
)
_getrlimit, _setrlimit = resource.getrlimit, resource.setrlimit


def open_numbers() -> list[int]:
    """The numbers of the open descriptors, with one that belonged to the look itself.

    Raises:
        OSError: the system does not list them.
    """
    return list(map(int, _listdir(_FOLDER)))


def path_of(fd: int) -> str:
    """A path at which this open file can be opened again.

    Raises:
        OSError: there is none.
    """
    if IS_LINUX:
        return f"{_FOLDER}/{fd}"
    path = name_of(fd)
    status, now = _fstat(fd), _stat(path)
    if (now.st_dev, now.st_ino) != (status.st_dev, status.st_ino):
        raise FileNotFoundError(errno.ENOENT, "another file has its name now", path)
    return path


def name_of(fd: int) -> str:
    """The name of an open file, for people.

    Raises:
        OSError: it is not known.
    """
    if IS_LINUX:
        return _readlink(f"{_FOLDER}/{fd}")
    if _GET_PATH is None or stat.S_IFMT(_fstat(fd).st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
        raise OSError(errno.ENOTSUP, "the system does not tell the name of an open file")
    return _fsdecode(_fcntl(fd, _GET_PATH, bytes(_LONGEST_PATH)).partition(b"\0")[0])


def allow_files(most: int, hard: int) -> None:
    """Let this process open so many files, or as many as the system accepts."""
    for each in (most, min(most, _MOST_FILES) if most >= 0 else _MOST_FILES):
        try:
            _setrlimit(resource.RLIMIT_NOFILE, (each, hard))
        except (OSError, ValueError):
            if IS_LINUX:
                raise
            continue
        return
