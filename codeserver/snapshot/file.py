"""The file format of a `LocationSnapshot`: a mark of its kind, a checksum, and the message."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from google.protobuf.message import DecodeError

from codeserver.errors import OperatorError
from codeserver.snapshot import v1

_KIND = b"codeserver-snap\n"
_DIGEST_SIZE = hashlib.sha256().digest_size
_MOST_BYTES = 1 << 30


class UnusableSnapshot(OperatorError):
    """The file has no snapshot, or one that does not fit; the message says why."""


def write(path: Path, snapshot: v1.LocationSnapshot) -> int:
    """Write the file atomically, so that no reader finds a part; return its size in bytes."""
    payload = snapshot.SerializeToString(deterministic=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(_KIND + hashlib.sha256(payload).digest() + payload)
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise OperatorError(f"{path} cannot be written: {error.strerror or error}.") from None
    return len(_KIND) + _DIGEST_SIZE + len(payload)


def read(path: str) -> v1.LocationSnapshot:
    """The snapshot in a file; an `UnusableSnapshot` if it is damaged, unreadable, or none."""
    try:
        with open_regular(path) as stream:
            if os.fstat(stream.fileno()).st_size > _MOST_BYTES:
                raise UnusableSnapshot(f"it is longer than {_MOST_BYTES // 2**20} MiB")
            data = stream.read(_MOST_BYTES)
    except OSError as error:
        raise UnusableSnapshot(f"it cannot be read ({error.strerror or error})") from None
    if not data.startswith(_KIND):
        raise UnusableSnapshot("it is no snapshot; make one with `codeserver snapshot`")
    digest, payload = data[len(_KIND) :][:_DIGEST_SIZE], data[len(_KIND) + _DIGEST_SIZE :]
    if hashlib.sha256(payload).digest() != digest:
        raise UnusableSnapshot("it is damaged: its checksum is not that of its content")
    try:
        return v1.LocationSnapshot.FromString(payload)
    except DecodeError:
        raise UnusableSnapshot("it is of another version of codeserver") from None


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading; an `OSError` for a device or a pipe, which would never end."""
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
