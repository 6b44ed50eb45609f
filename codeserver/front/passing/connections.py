"""The connections of a router: which there are, and what they share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Protocol

_log = logging.getLogger("codeserver")

BUFFER_BYTES = 128 * 1024
"""The most that a connection holds for an end that reads slowly, in each direction."""

_COMPLAINT_SECONDS = 60.0


class Connection(Protocol):
    """One client, whose server is known or not."""

    def part(self) -> None:
        """End, unless a server has the connection, which ends it itself."""

    def close(self) -> None:
        """End at once."""


class Connections:
    """All connections.

    Attributes:
        loop: the event loop.
        buffer: holds bytes from a `recv` to the `send` after it, never for longer.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self._members: set[Connection] = set()
        self._empty = asyncio.Event()
        self._complaints: dict[str, tuple[float, int]] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._members))

    def __len__(self) -> int:
        return len(self._members)

    def enter(self, connection: Connection) -> None:
        """Own a connection, until it leaves."""
        self._members.add(connection)
        self._empty.clear()

    def leave(self, connection: Connection) -> None:
        """Forget a connection, which has closed its sockets."""
        self._members.discard(connection)
        if not self._members:
            self._empty.set()

    async def end(self, grace: float) -> None:
        """End those without a server now, and the others within `grace` seconds."""
        for connection in self:
            connection.part()
        if self._members:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace)
        for connection in self:
            connection.close()

    def complain(self, cause: str, details: str) -> None:
        """Warn of something that clients can cause at will: of each cause once a minute."""
        now = self.loop.time()
        due, left_out = self._complaints.get(cause, (now, 0))
        if now < due:
            self._complaints[cause] = (due, left_out + 1)
            return
        self._complaints[cause] = (now + _COMPLAINT_SECONDS, 0)
        more = f" ({left_out} more like this since the last warning)" if left_out else ""
        _log.warning("%s: %s%s", cause, details, more)
