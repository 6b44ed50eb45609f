"""A client at a port, until a server has it."""

from __future__ import annotations

import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable

from codeserver.front.passing.connections import Connections
from codeserver.front.passing.copying import Copying
from codeserver.front.passing.reaching import Reaching

_LAST_WORD_SECONDS = 5.0


class Guest(ABC):
    """Owns the socket of a client: reads what it says first, and then passes it on or closes it.

    Args:
        client: does not block; it is closed in the end, here or by what comes after.
        seconds: the client has so long to say what it wants.
    """

    def __init__(self, connections: Connections, client: socket.socket, seconds: float) -> None:
        self._connections = connections
        self._loop = connections.loop
        self._client = client
        self._timer = self._loop.call_later(seconds, self.close)
        self._reaching: Reaching | None = None
        connections.enter(self)
        self._loop.add_reader(client.fileno(), self._read)

    def part(self) -> None:
        """End, because the server shuts down."""
        self.close()

    def close(self) -> None:
        """Close the connection at once."""
        self._hand_over()
        self._client.close()
        self._connections.leave(self)

    @abstractmethod
    def _read(self) -> None:
        """Read what the client says; it has said something, or has ended."""

    def _receive(self) -> int:
        """Read into the buffer; the number of bytes. Closes the connection at its end."""
        try:
            count = self._client.recv_into(self._connections.buffer)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            count = 0
        if not count:
            self.close()
        return count

    def _reach(
        self,
        path_of: Callable[[], str],
        reached: Callable[[socket.socket], None],
        failed: Callable[[str], None],
    ) -> None:
        """Connect with a server; see `Reaching`. Nothing is read from the client meanwhile."""
        self._loop.remove_reader(self._client.fileno())
        self._reaching = Reaching(self._loop, path_of, reached, failed)
        self._reaching.begin()

    def _become(self, copying: Copying, first: bytes, rest: bytes) -> None:
        """Leave the client, which has sent these bytes, to the one who copies."""
        self._hand_over()
        self._connections.enter(copying)
        self._connections.leave(self)
        copying.start(first, rest)

    def _dismiss(self, last_words: bytes) -> None:
        """Send these bytes, and close when the client has read them."""
        with contextlib.suppress(OSError):
            self._client.send(last_words)
            self._client.shutdown(socket.SHUT_WR)
        self._hand_over()
        self._timer = self._loop.call_later(_LAST_WORD_SECONDS, self.close)
        # To close before everything is read would take the words back from the client.
        self._loop.add_reader(self._client.fileno(), self._receive)

    def _complain(self, cause: str, problem: str) -> None:
        """Log a problem with this client."""
        with contextlib.suppress(OSError):
            host, port = self._client.getpeername()[:2]
            problem = f"the client at {host}:{port}{problem}"
        self._connections.complain(cause, problem)

    def _hand_over(self) -> None:
        self._timer.cancel()
        if self._reaching is not None:
            self._reaching.cancel()
        if self._client.fileno() >= 0:
            self._loop.remove_reader(self._client.fileno())
