"""Ports that pass connections on, with real sockets; clients end anywhere."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Callable
from typing import Any

import uvloop

from codeserver.front.passing.arrival import Arrival
from codeserver.front.passing.connections import Connections
from codeserver.front.passing.opening import Opening, SecureOpening
from codeserver.front.passing.tunnel import Refused, Tunnel, Wish
from tests.fuzz.targets import openings, pieces, requests_to_connect

_TUNNEL, _NAMED, _SECURE = range(3)
_CONNECT = [bytes([_TUNNEL, 0]) + each + b"\r\n\r\n" for each in requests_to_connect.SEEDS]
_NAMES = [bytes([_NAMED, 0]) + each[1:] for each in openings.SEEDS if each[0] == 0]
_HELLOS = [bytes([_SECURE, 0]) + each[1:] for each in openings.SEEDS if each[0] == 1]

SEEDS = [
    *(seed[:1] + bytes([ending]) + seed[2:] for seed in _CONNECT for ending in range(4)),
    *_CONNECT[0:1],
    *(each + b"\1 and more" for each in _CONNECT),
    *_NAMES,
    *_HELLOS,
]

_RESET = struct.pack("ii", 1, 0)


def check(data: bytes) -> None:
    """When the client has gone, so has all that the port had for it; nothing is raised."""
    if len(data) > 2:
        _LOOP.run_until_complete(_BENCH.check(data[0] % 3, data[1], data[2:]))


class _Bench:
    """A server that ends each connection, and a port before it without a listener."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="fuzz-")
        self._path = os.path.join(self._folder, "s")
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self._path)
        self._server.listen(8)
        self._server.setblocking(False)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lost: list[Any] = []

    async def check(self, kind: int, how: int, sent: bytes) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self._lost.append(context))
        connections = Connections()
        connections.complain = lambda *_: None  # type: ignore[method-assign]
        with socket.create_connection(self._listener.getsockname()) as client:
            taken, _ = self._listener.accept()
            taken.setblocking(False)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._welcome(connections, taken, kind, how)
            before = len(os.listdir("/proc/self/fd")) if how % 16 == 0 else 0
            for piece in pieces(sent, how >> 2):
                with contextlib.suppress(OSError):
                    client.send(piece)
                if how & 2:
                    await _turn()
            if how & 1:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        await self._until_gone(connections, how)
        assert taken.fileno() < 0
        assert not before or len(os.listdir("/proc/self/fd")) == before - 2
        assert not self._lost, self._lost

    def _welcome(self, connections: Connections, taken: socket.socket, kind: int, how: int) -> None:
        if kind == _TUNNEL:
            Tunnel(connections, taken, self._find, is_tls=bool(how & 8))
        else:
            opening = SecureOpening() if kind == _SECURE else Opening()
            Arrival(connections, taken, lambda _: self._path, opening)

    def _find(self, wish: Wish) -> Callable[[bool], str]:
        if wish.token:
            return lambda _: self._path
        raise Refused("407 Proxy Authentication Required", "no token")

    async def _until_gone(self, connections: Connections, how: int) -> None:
        for turn in range(10_000):
            if not list(connections):
                return
            with contextlib.suppress(BlockingIOError):
                server, _ = self._server.accept()
                server.setblocking(False)
                with contextlib.suppress(OSError):
                    if how & 1:  # else it ends with bytes unread, which resets the connection
                        server.recv(1 << 16)
                    server.send(b"last words")
                server.close()
            if turn % 100 == 99:
                for each in connections:
                    each.part()  # those without a server have a timer otherwise
            await _turn()
        raise AssertionError("the connection does not end")

    def close(self) -> None:
        self._server.close()
        self._listener.close()
        shutil.rmtree(self._folder)


async def _turn() -> None:
    await asyncio.sleep(0)


_LOOP: asyncio.AbstractEventLoop = uvloop.new_event_loop()  # as the server
_BENCH = _Bench()
atexit.register(_LOOP.close)
atexit.register(_BENCH.close)
