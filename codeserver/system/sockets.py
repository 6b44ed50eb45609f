"""Manners of sockets: the descriptors that are sent along, their ends, ports and paths."""

from __future__ import annotations

import os

from codeserver.system import IS_LINUX

MAY_CLOSE_SENT: bool = IS_LINUX
"""Whether a descriptor may be closed once it is sent. Elsewhere its receiver may then get a closed
one (https://github.com/nodejs/node/issues/7512 for macOS)."""

FIRST_WITH_FILES: int | None = None if IS_LINUX else 1
"""The bytes to send together with descriptors; None for all. Elsewhere those that come along must
fit into the buffer of the socket at once."""

KEEPS_UNREAD: bool = IS_LINUX
"""Whether a socket that is shut down for reading keeps what it has received. BSD throws it away."""

SHARES_PORTS: bool = not IS_LINUX
"""Whether `SO_REUSEADDR` lets two servers have a port, one of them on all addresses (BSD)."""

LONGEST_PATH: int = 107 if IS_LINUX else 103
"""Bytes (`sun_path` in unix(7), without the closing zero); BSD has four less."""

_LONGEST_FOLDER = 24
"""Bytes of a folder that leaves enough room for the names of hosts, which are those of sockets."""


def temporary_folder() -> str:
    """Make a folder for sockets that only this user can enter, whose path is short.

    It is where temporary files are, unless that path is long, as it is on macOS.
    """
    import tempfile

    base = tempfile.gettempdir()
    short = base if IS_LINUX or len(os.fsencode(base)) <= _LONGEST_FOLDER else "/tmp"
    return tempfile.mkdtemp(prefix="codeserver-", dir=short)
