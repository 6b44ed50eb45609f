"""Contents of files: read up to a limit, and replaced at once."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

# As they are before user code is loaded, which may replace them.
_open, _close, _fdopen, _fstat, _os_stat, _set_blocking = (
    *(os.open, os.close, os.fdopen, os.fstat, os.stat, os.set_blocking),
)
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Without `O_NONBLOCK`, a pipe that nobody writes would be opened for ever."""


def open_regular(path: str, flags: int = 0) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: of the file.
        flags: further ones of open(2).

    Raises:
        OSError: it cannot be opened, or it is a device or a pipe, which would never end.
    """
    try:
        # Check before opening, because even opening a device or a pipe has effects.
        _require_regular(_os_stat(path))
        fd = _open(path, _FLAGS | flags)
    except ValueError as error:  # a path with a null byte
        raise OSError(errno.EINVAL, str(error)) from None
    stream = _stream(fd)
    try:
        _require_regular(_fstat(fd))
    except BaseException:
        stream.close()
        raise
    return stream


def content_of(stream: BinaryIO, most: int) -> bytes:
    """The content of an open file; an OSError if it is longer than `most` bytes."""
    if _fstat(stream.fileno()).st_size <= most:
        content = stream.read(most + 1)
        if len(content) <= most:
            return content
    raise OSError(errno.EFBIG, f"it is longer than {_in_words(most)}")


def read_regular(path: str, most: int) -> bytes:
    """The content of a regular file; see `open_regular` and `content_of`."""
    with open_regular(path) as stream:
        return content_of(stream, most)


def read_once(path: str, most: int) -> bytes:
    """The content of a file or a pipe, such as `/dev/stdin`; an OSError if it is longer."""
    try:
        fd = _open(path, _FLAGS)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None
    with _stream(fd) as stream:
        _set_blocking(fd, True)
        return content_of(stream, most)


def replace(path: Path, content: bytes) -> None:
    """Replace a file, so that readers find the old content or the new one, and never a part.

    The permissions are those that the umask gives. A link is replaced, not followed.

    Raises:
        OSError: it cannot be written.
    """
    # A name that nobody knows before, and a file that is not there yet: in a directory where
    # others may write, a link of theirs could lead to any file of this user.
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _stream(fd: int) -> BinaryIO:
    try:
        return _fdopen(fd, "rb")
    except BaseException:  # it is a directory
        _close(fd)
        raise


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def _in_words(size: int) -> str:
    return f"{size >> 20} MiB" if size >> 20 else f"{size >> 10} KiB"
