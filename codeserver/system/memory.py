"""Memory of this process."""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import sys
from collections.abc import Callable

from codeserver.system import IS_LINUX

LIMITS_GROWTH: bool = IS_LINUX
"""Whether `RLIMIT_DATA` counts all memory that a process asks for (since Linux 4.7)."""

_PAGE = resource.getpagesize()
_UNIT = 1 if sys.platform == "darwin" else 1024  # of `ru_maxrss`, see getrusage(2)
_open, _read, _close, _READ = os.open, os.read, os.close, os.O_RDONLY
_usage, _SELF = resource.getrusage, resource.RUSAGE_SELF


def resident_size() -> int:
    """Resident memory of this process, in bytes; elsewhere than on Linux, the most that it had."""
    if not IS_LINUX:
        return _usage(_SELF).ru_maxrss * _UNIT
    try:
        fd = _open("/proc/self/statm", _READ)
    except OSError:
        return 0
    try:
        return int(_read(fd, 200).split()[1]) * _PAGE
    finally:
        _close(fd)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """`malloc_trim` of the GNU C library; None where there is another one."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None


def give_back() -> None:
    """Give freed memory back to the system, where the C library would keep it.

    It takes a tenth of a second for a gigabyte, and may be called in a thread.
    """
    if (trim := _trim()) is not None:
        trim(0)
