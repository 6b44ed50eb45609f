"""Connecting to the unix socket of a server, which may have too many new connections at once."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

_FULL_SECONDS = 0.02
_FULL_ATTEMPTS = 100
"""A server whose queue of new connections is full is asked again, this often."""


class Reaching:
    """Connects now, or a little later.

    Args:
        path_of: the path of the socket, asked for at each attempt.
        reached: takes over the connected socket, which does not block.
        failed: is told why there is none.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        path_of: Callable[[], str],
        reached: Callable[[socket.socket], None],
        failed: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._path_of = path_of
        self._reached = reached
        self._failed = failed
        self._attempts = _FULL_ATTEMPTS
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Connect. What `path_of` raises is raised here at the first attempt."""
        path = self._path_of()
        server = None
        try:
            server = socket.socket(socket.AF_UNIX)
            server.setblocking(False)
            server.connect(path)
        except OSError as error:
            if server is not None:
                server.close()
            if isinstance(error, BlockingIOError) and self._attempts:  # its queue is full
                self._attempts -= 1
                self._timer = self._loop.call_later(_FULL_SECONDS, self.begin)
            else:
                self._failed(f"{path} cannot be connected to: {os.strerror(error.errno or 0)}")
        else:
            self._reached(server)

    def cancel(self) -> None:
        """Try no longer."""
        if self._timer is not None:
            self._timer.cancel()
