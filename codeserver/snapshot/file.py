"""The file format of a `LocationSnapshot`: a mark of its kind, a checksum, and the message."""

from __future__ import annotations

import hashlib
from pathlib import Path

from google.protobuf.message import DecodeError

from codeserver.contents import read_regular, replace
from codeserver.errors import OperatorError
from codeserver.snapshot import v1

_KIND = b"codeserver-snap\n"
_DIGEST_SIZE = hashlib.sha256().digest_size
_MOST_BYTES = 1 << 30


class UnusableSnapshot(OperatorError):
    """The file has no snapshot, or one that does not fit; the message says why."""


def write(path: Path, snapshot: v1.LocationSnapshot) -> int:
    """Write the file atomically, so that no reader finds a part; return its size in bytes.

    It is as readable as other files of a build, because a server in an image often runs as another
    user than the one who has built it.
    """
    payload = snapshot.SerializeToString(deterministic=True)
    try:
        replace(path, _KIND + hashlib.sha256(payload).digest() + payload)
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror or error}.") from None
    return len(_KIND) + _DIGEST_SIZE + len(payload)


def read(path: str) -> v1.LocationSnapshot:
    """The snapshot in a file; an `UnusableSnapshot` if it is damaged, unreadable, or none."""
    try:
        data = read_regular(path, _MOST_BYTES)
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
