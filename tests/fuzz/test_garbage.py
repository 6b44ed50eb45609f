"""Garbage at each port: afterwards others are served as before, and nothing of it is kept."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.fuzz import TIMES
from tests.fuzz.garbage import KINDS, garbage, good_call
from tests.fuzz.harmed import USER_CODE, unharmed
from tests.process.access import Issuer, addresses_of, token_of, write_tokens
from tests.process.serving import LIMIT, Server, serve
from tests.process.several import Several, serve_several

REPO = str(USER_CODE / "repo.py")
PORTS = {"plain": 1, "tls": 2, "gateway": 3}
BY_NAME = {"plain": 1, "tls": 2}
_CONNECTIONS = 24
_RESET = struct.pack("ii", 1, 0)
_LISTEN = ("127.0.0.1:0,plain,open", "127.0.0.1:0,tls,open", "127.0.0.1:0,gateway")


@pytest.fixture(scope="module")
def options(folder: Path) -> list[str]:
    write_tokens(folder / "tokens")
    return [
        *("--auth-token-file", str(folder / "tokens")),
        *Issuer(trustme.CA(), folder).issue("server", "localhost"),
        *(word for each in _LISTEN for word in ("--listen", each)),
    ]


@pytest.fixture(scope="module")
def one(home: Path, folder: Path, options: list[str]) -> Iterator[Server]:
    with serve(home, folder / "s", "-f", REPO, *options, cwd=USER_CODE) as started:
        assert started.client.list_repositories()
        yield started


@pytest.fixture(scope="module")
def several(home: Path, folder: Path, options: list[str]) -> Iterator[Several]:
    """Two locations with the same ports."""
    place = folder / "l"
    place.mkdir()
    entries = {name: {"python_file": REPO} for name in ("fruit", "name")}
    with serve_several(home, place, entries, *options) as started:
        started.ready(*entries)
        yield started


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("port", PORTS)
def test_one_location(one: Server, port: str, kind: str) -> None:
    with unharmed(one):
        _send_all(addresses_of(one)[PORTS[port]], kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("port", BY_NAME)
def test_several_locations_by_name(several: Several, port: str, kind: str) -> None:
    served = [several.location(name) for name in several.entries]
    with unharmed(several.whole, *served):
        _send_all(addresses_of(several.whole)[PORTS[port]], kind)


@pytest.mark.parametrize("kind", KINDS)
def test_within_a_tunnel(one: Server, kind: str) -> None:
    token = base64.b64encode(f"ci:{token_of('ci')}".encode())
    head = b"CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Basic %s\r\n\r\n" % token
    with unharmed(one):
        _send_all(addresses_of(one)[PORTS["gateway"]], kind, head)


def test_a_good_call_is_answered(one: Server, several: Several) -> None:
    """Garbage that is like it reaches what answers it."""
    for server in (one, several.whole):
        with _connected(addresses_of(server)[PORTS["plain"]]) as client:
            client.sendall(good_call())
            found = b""
            while b"grpc-status" not in found and (part := client.recv(1 << 16)):
                found += part
            assert b"application/grpc" in found


def _send_all(address: str, kind: str, head: bytes = b"") -> None:
    for seed in range(_CONNECTIONS * TIMES):
        with _connected(address) as client:
            if head:
                client.sendall(head)
                assert client.recv(100).startswith(b"HTTP/1.1 200")
            # A server that closes the connection is right to do so.
            with contextlib.suppress(ConnectionError):
                _send(client, garbage(kind, seed), reads=seed % 4 > 0)
            if seed % 3 == 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            elif seed % 3 == 1:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)


def _send(client: socket.socket, pieces: Iterator[bytes], *, reads: bool) -> None:
    """Send all, or up to the end of the connection; without reading, as much as there is room."""
    client.setblocking(False)
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            readable, _, _ = select.select([client], [client], [], LIMIT)
            if reads and readable and not client.recv(1 << 16):
                return
            try:
                rest = rest[client.send(rest) :]
            except BlockingIOError:
                if not reads:
                    return


def _connected(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=LIMIT)
