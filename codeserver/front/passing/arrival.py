"""A client whose server is not known yet."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from codeserver.front.passing.connections import Connections
from codeserver.front.passing.copying import Copying
from codeserver.front.passing.frames import NO_ERROR, goaway
from codeserver.front.passing.opening import Opening, OtherProtocol, Refused, SecureOpening
from codeserver.front.passing.reaching import Reaching

_GREETING_SECONDS = 20.0
"""For a client's first settings; after them, a client may be idle for ever."""

_LAST_WORD_SECONDS = 5.0


class Arrival:
    """Reads a client's first request, and connects the client with the server that it names.

    Args:
        client: a non-blocking socket, which is closed in the end, here or by what comes after.
        route: the path of the server's unix socket for a host.
        opening: reads what the client sends first.
    """

    def __init__(
        self,
        connections: Connections,
        client: socket.socket,
        route: Callable[[str], str],
        opening: Opening | SecureOpening,
    ) -> None:
        self._connections = connections
        self._loop = connections.loop
        self._client = client
        self._route = route
        self._opening = opening
        self._timer = self._loop.call_later(_GREETING_SECONDS, self.close)
        self._greeted = False
        self._reaching: Reaching | None = None
        connections.enter(self)
        self._loop.add_reader(client.fileno(), self._read)

    def part(self) -> None:
        """Tell the client that the server shuts down."""
        self._refuse(NO_ERROR, "the server shuts down")

    def close(self) -> None:
        """Close the connection at once."""
        self._hand_over()
        self._client.close()
        self._connections.leave(self)

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

    def _read(self) -> None:
        count = self._receive()
        if not count:
            return
        try:
            complete = self._opening.feed(self._connections.buffer[:count])
        except OtherProtocol as other:
            self._complain(f"speaks {other}, and this port takes {self._opening.takes}")
            self.close()
        except Refused as refusal:
            self._complain(f"does not speak HTTP/2 as gRPC does ({refusal})")
            self._refuse(refusal.code, str(refusal))
        else:
            self._answer()
            if complete and self._client.fileno() >= 0:
                self._find_server()

    def _answer(self) -> None:
        opening = self._opening
        if opening.greeted and not self._greeted:
            self._greeted = True
            self._timer.cancel()
        if not opening.answers:
            return
        try:
            sent = self._client.send(opening.answers)
        except OSError:
            sent = 0
        if sent < len(opening.answers):
            self.close()  # reads none of the answers to its pings, or is gone
        opening.answers.clear()

    def _find_server(self) -> None:
        self._loop.remove_reader(self._client.fileno())
        host = self._opening.host
        self._reaching = Reaching(
            self._loop, lambda: self._route_to(host), self._copy, self._unreachable
        )
        self._reaching.begin()

    def _route_to(self, host: str) -> str:
        try:
            return self._route(host)
        except BaseException:
            self.close()  # or the client would wait for ever
            raise

    def _unreachable(self, reason: str) -> None:
        self._connections.complain("a location is not served", reason)
        # Clients take this as UNAVAILABLE, and may try again.
        self._refuse(NO_ERROR, f"the location is not served now; {reason}")

    def _copy(self, server: socket.socket) -> None:
        self._hand_over()
        opening = self._opening
        copying = Copying(
            self._connections, self._client, server, opening.awaited_acks, opening.given_acks
        )
        self._connections.enter(copying)
        self._connections.leave(self)
        copying.start(bytes(opening.replay), opening.rest)

    def _refuse(self, code: int, reason: str) -> None:
        """Send a last frame, and close when the client has read it."""
        opening = self._opening
        with contextlib.suppress(OSError):
            self._client.send(bytes(opening.answers) + goaway(code, reason))
            self._client.shutdown(socket.SHUT_WR)
        self._hand_over()
        self._timer = self._loop.call_later(_LAST_WORD_SECONDS, self.close)
        # To close before everything is read would take the frame back from the client.
        self._loop.add_reader(self._client.fileno(), self._discard)

    def _discard(self) -> None:
        self._receive()

    def _hand_over(self) -> None:
        self._timer.cancel()
        if self._reaching is not None:
            self._reaching.cancel()
        if self._client.fileno() >= 0:
            self._loop.remove_reader(self._client.fileno())

    def _complain(self, problem: str) -> None:
        with contextlib.suppress(OSError):
            host, port = self._client.getpeername()[:2]
            problem = f"the client at {host}:{port} {problem}"
        self._connections.complain("a connection was closed", problem)
