"""One port for many servers: the authority of a connection's first request names the server.

A connection is an `Arrival` until its first request is there, and then a `Copying` to the unix
socket of the server that is named. Nothing behind the first request is interpreted, so a connection
belongs to one server. gRPC's clients make a connection for each authority.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from codeserver.errors import OperatorError
from codeserver.front.addresses import bind_each, bound_socket
from codeserver.front.by_name.arrival import Arrival
from codeserver.front.by_name.connections import Connections

_BACKLOG = 4096
_MOST_ACCEPTED = 64
"""Connections in one turn of the event loop."""

_PAUSE_SECONDS = 1.0
"""Until connections are accepted again when there are too many open files."""


class ByName:
    """A TCP port in front of servers on unix sockets; made on the event loop.

    Args:
        route: the path of the socket of the server for a host, which is in lower case, without
            port, brackets and the dot at its end, and empty if the client names none. It is called
            for each attempt to connect, on the event loop, and must not raise.
    """

    def __init__(self, route: Callable[[str], str]) -> None:
        self._route = route
        self._listeners: list[socket.socket] = []
        self._connections = Connections()
        self._loop = self._connections.loop

    async def start(self, host: str, port: int) -> list[str]:
        """Accept connections.

        Args:
            host: a name or an address.
            port: 0 picks one.

        Returns:
            The addresses, such as `127.0.0.1:4000`.

        Raises:
            OperatorError: an address cannot be bound.
        """
        try:
            addresses = bind_each(host, port, self._listen)
        except OperatorError:
            self._close_listeners()
            raise
        for listener in self._listeners:
            self._accept_from(listener)
        return addresses

    async def stop(self, grace: float) -> None:
        """Accept no connection any more, and wait until the servers have ended theirs.

        Stop the servers at the same time: they tell their clients, and end connections when the
        calls on them have ended. Connections without a request end at once.

        Args:
            grace: seconds after which all connections are ended.
        """
        self._close_listeners()
        await self._connections.end(grace)

    def _listen(self, family: socket.AddressFamily, address: str, port: int) -> int:
        listener = bound_socket(family, address, port)
        self._listeners.append(listener)
        listener.setblocking(False)
        # Connections inherit both. A client that is gone without a word must not stay for ever.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.listen(_BACKLOG)
        bound: int = listener.getsockname()[1]
        return bound

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            self._loop.remove_reader(listener.fileno())
            listener.close()
        self._listeners.clear()

    def _accept_from(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_MOST_ACCEPTED):
            try:
                client, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                # Too many files stay open for a while; to try at once would burn the processor.
                self._connections.complain("a connection cannot be accepted", str(error.strerror))
                self._loop.remove_reader(listener.fileno())
                self._loop.call_later(_PAUSE_SECONDS, self._accept_from, listener)
                return
            client.setblocking(False)
            Arrival(self._connections, client, self._route)
