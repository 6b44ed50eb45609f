"""One port for many servers.

A connection is an `Arrival` or a `Tunnel` until its server is known, and then a `Copying` to the
unix socket of that server. Nothing behind the first request is interpreted, so a connection belongs
to one server. gRPC's clients make a connection for each authority.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial

from codeserver.errors import OperatorError
from codeserver.front.addresses import bind_each, bound_socket
from codeserver.front.passing.arrival import Arrival
from codeserver.front.passing.connections import Connections
from codeserver.front.passing.opening import Opening, SecureOpening
from codeserver.front.passing.tunnel import Find, Tunnel

_BACKLOG = 4096
_MOST_ACCEPTED = 64
"""Connections in one turn of the event loop."""

_PAUSE_SECONDS = 1.0
"""Until connections are accepted again when there are too many open files."""


Welcome = Callable[[Connections, socket.socket], object]
"""Takes over a new client, whose socket does not block."""


def by_name(route: Callable[[str], str], *, is_tls: bool = False, most: int = sys.maxsize) -> Port:
    """A port where the authority of a connection's first request names the server.

    With TLS, the host that the client names before the encryption does. It is the same for gRPC.

    Args:
        route: the path of the socket of the server for a host, which is in lower case, without
            port, brackets and the dot at its end, and empty if the client names none. It is called
            for each attempt to connect, on the event loop, and must not raise.
        is_tls: whether clients speak TLS, which the servers take.
        most: connections at the same time.
    """
    opening = SecureOpening if is_tls else Opening

    def welcome(connections: Connections, client: socket.socket) -> None:
        Arrival(connections, client, route, opening())

    return Port(welcome, most)


def gateway(find: Find, *, is_tls: bool = False, most: int = sys.maxsize) -> Port:
    """A port where clients ask for a host by HTTP CONNECT; see `tunnel`.

    Args:
        find: who may pass, and where to; it is called on the event loop.
        is_tls: whether clients must speak TLS with that host.
        most: connections at the same time.
    """
    return Port(partial(Tunnel, find=find, is_tls=is_tls), most)


class Port:
    """A TCP port in front of servers on unix sockets; made on the event loop."""

    def __init__(self, welcome: Welcome, most: int) -> None:
        self._welcome = welcome
        self._most = most
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
            if len(self._connections) >= self._most:
                client.close()
                details = f"there are {self._most}; see --max-connections"
                self._connections.complain("a connection was closed at once", details)
                continue
            client.setblocking(False)
            self._welcome(self._connections, client)
