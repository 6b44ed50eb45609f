"""A unix socket that stays within reach of this process when its file is removed (Linux)."""

from __future__ import annotations

import contextlib
import os


class HeldSocket:
    """Holds the file of a socket, which user code or a cleaner of temporary files may remove.

    Args:
        path: the path of a bound socket.

    Attributes:
        path: the same, for other processes.
        within: a path by which this process connects to it, whatever has become of the file.
    """

    def __init__(self, path: str) -> None:
        self.path = self.within = os.path.abspath(path)
        self._fd: int | None = None
        self._is = _identity(self.path)
        # Without /proc, the path itself has to do.
        if hasattr(os, "O_PATH") and os.path.isdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                self._fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
                self.within = f"/proc/self/fd/{self._fd}"

    def close(self) -> None:
        """Hold it no longer, and remove its file. Nothing may connect after that.

        The socket of another server that has the path by now stays.
        """
        if self._is is not None and _identity(self.path) == self._is:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        self._is = None
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _identity(path: str) -> tuple[int, int] | None:
    """By which a file is known; while it is held, no other file has it. None for no file."""
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        return found.st_dev, found.st_ino
    return None
