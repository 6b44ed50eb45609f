"""Copying between two sockets, in the event loops that there are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from codeserver.front.passing.connections import Connections
from codeserver.front.passing.copying import Copying
from tests.unit.waiting import soon, until

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("words", [b"last words", b"x" * 50_000])
def test_a_server_that_ends_with_bytes_unread(loop: str, words: bytes) -> None:
    """That resets its connection; what it has said before is passed on, and nothing stays."""
    make: Callable[[], asyncio.AbstractEventLoop] = LOOPS[loop]
    running = make()
    try:
        running.run_until_complete(_check(words))
    finally:
        running.close()


async def _check(words: bytes) -> None:
    connections = Connections()
    client, taken = socket.socketpair()
    near, server = socket.socketpair()
    for each in (client, taken, near):
        each.setblocking(False)
    copying = Copying(connections, taken, near, 0, 0)
    connections.enter(copying)
    copying.start(b"a request", b"")
    server.sendall(words)
    server.close()
    with client:
        said = b""
        while part := await soon(connections.loop.sock_recv(client, 1 << 16)):
            said += part
        assert said == words
    await until(lambda: not list(connections))
    assert near.fileno() == taken.fileno() == -1
