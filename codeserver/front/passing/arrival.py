"""A client whose server is not known yet."""

from __future__ import annotations

import socket
from collections.abc import Callable

from codeserver.front.passing.connections import Connections
from codeserver.front.passing.copying import Copying
from codeserver.front.passing.frames import NO_ERROR, goaway
from codeserver.front.passing.guest import Guest
from codeserver.front.passing.opening import Opening, OtherProtocol, Refused, SecureOpening

_GREETING_SECONDS = 20.0
"""For a client's first settings; after them, a client may be idle for ever."""

_CLOSED = "a connection was closed"


class Arrival(Guest):
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
        self._route = route
        self._opening = opening
        self._greeted = False
        super().__init__(connections, client, _GREETING_SECONDS)

    def part(self) -> None:
        """Tell the client that the server shuts down."""
        self._refuse(NO_ERROR, "the server shuts down")

    def _read(self) -> None:
        count = self._receive()
        if not count:
            return
        try:
            complete = self._opening.feed(self._connections.buffer[:count])
        except OtherProtocol as other:
            self._complain(_CLOSED, f" speaks {other}, and this port takes {self._opening.takes}")
            self.close()
        except Refused as refusal:
            self._complain(_CLOSED, f" does not speak HTTP/2 as gRPC does ({refusal})")
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
        host = self._opening.host
        self._reach(lambda: self._route_to(host), self._copy, self._unreachable)

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
        opening = self._opening
        copying = Copying(
            self._connections, self._client, server, opening.awaited_acks, opening.given_acks
        )
        self._become(copying, bytes(opening.replay), opening.rest)

    def _refuse(self, code: int, reason: str) -> None:
        """Send a last frame, and close when the client has read it."""
        self._dismiss(bytes(self._opening.answers) + goaway(code, reason))
