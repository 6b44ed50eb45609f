"""Opens files with paths from untrusted sources, where a device or a pipe would never end."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO


def open_regular(path: str) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        OSError: the file is missing, unreadable, or not regular.
    """
    try:
        # Check before opening, because even opening a device or a pipe has effects.
        _require_regular(os.stat(path))
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # a path with a null byte
        raise OSError(str(error)) from None
    try:
        _require_regular(os.fstat(fd))
        return os.fdopen(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a regular file")
