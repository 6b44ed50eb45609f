"""Unix sockets: their modes, and the things that are at their path before or afterwards."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.exposure.listener import Listener
from codeserver.front.access.security import Security
from codeserver.front.binding import bind_socket
from codeserver.front.dagster_api import DagsterApi
from codeserver.front.handlers import Forwarding
from codeserver.front.health import Health
from codeserver.front.held_socket import HeldSocket
from codeserver.front.reply_room import ReplyRoom
from codeserver.front.servers.assembly import Services
from codeserver.front.servers.doors import Doors
from codeserver.front.typed_api.directory import CodeLocationService, Directory

NOTHING = Services(
    Forwarding(DagsterApi, lambda _: None),
    CodeLocationService(Directory()),
    Forwarding(Health, lambda _: None),
    ReplyRoom(0),
)
"""Services that nobody calls."""


class Observed:
    """A gRPC server that remembers the mode of its socket at the moment of its making."""

    def __init__(self) -> None:
        self.server = grpc.aio.server()
        self.mode = -1

    def add_insecure_port(self, address: str) -> int:
        port = self.server.add_insecure_port(address)
        self.mode = os.stat(address.removeprefix("unix:")).st_mode & 0o777
        return port


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="bind-", dir="/tmp")
    yield Path(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o666, 0o666), (None, None)])
async def test_the_mode_is_there_from_the_beginning(
    short: Path, umask: int, mode: int | None, expected: int | None
) -> None:
    observed: Any = Observed()
    before = os.umask(umask)
    try:
        bind_socket(observed, str(short / "s"), mode=mode)
        assert os.umask(umask) == umask, "it is as before"
    finally:
        os.umask(before)
    wanted = 0o777 & ~umask if expected is None else expected
    assert observed.mode == (short / "s").stat().st_mode & 0o777 == wanted
    await observed.server.stop(None)


async def test_an_owner_gets_it_before_anybody_can_connect(short: Path) -> None:
    observed: Any = Observed()
    group = 65534 if os.geteuid() == 0 else os.getegid()
    bind_socket(observed, str(short / "s"), mode=0o660, owner=f"{os.geteuid()}:{group}")
    found = (short / "s").stat()
    assert observed.mode == 0
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (os.geteuid(), group, 0o660)
    await observed.server.stop(None)


async def test_an_owner_that_nobody_is(short: Path) -> None:
    with pytest.raises(OperatorError, match=r"s cannot be given to no-such-user: no such user"):
        bind_socket(grpc.aio.server(), str(short / "s"), owner="no-such-user")
    assert not os.listdir(short)


def listening(path: Path, backlog: int = 1) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen(backlog)
    return made


def full(path: Path) -> list[socket.socket]:
    """A server that accepts nobody, and as many clients as it has room for."""
    found = [listening(path, 0)]
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        found.append(client)
        try:
            client.connect(str(path))
        except BlockingIOError:
            return found


def datagrams(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    return made


def linked(path: Path, target: Any) -> Any:
    path.symlink_to(path.parent / "target")
    return target(path.parent / "target") if target else None


def facts_of(folder: Path) -> dict[Path, os.stat_result]:
    return {path: path.lstat() for path in folder.iterdir()}


TAKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a server": (listening, "is in use"),
    "a server that accepts nobody": (full, "is in use"),
    "a socket of another kind": (datagrams, "cannot be used: Protocol wrong type"),
    "a file": (lambda path: path.write_text("mine"), "it is not a socket"),
    "a pipe": (os.mkfifo, "it is not a socket"),
    "a link to a file": (lambda path: linked(path, Path.touch), "it is not a socket"),
    "a link to nothing": (lambda path: linked(path, None), "it is not a socket"),
    "a link to a server": (lambda path: linked(path, listening), "is in use"),
}


@pytest.mark.parametrize("what", TAKEN)
async def test_what_is_there_stays(short: Path, what: str) -> None:
    make, reason = TAKEN[what]
    kept = make(short / "s")
    before = facts_of(short)
    server = grpc.aio.server()
    with pytest.raises(OperatorError, match=reason):
        bind_socket(server, str(short / "s"))
    assert facts_of(short) == before
    for each in kept if isinstance(kept, list) else [kept]:
        if isinstance(each, socket.socket):
            each.close()
    await server.stop(None)


async def test_what_an_ended_server_left_is_replaced(short: Path) -> None:
    listening(short / "s").close()
    server = grpc.aio.server()
    bind_socket(server, str(short / "s"))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(short / "s"))
    await server.stop(None)


async def test_what_an_ended_server_of_somebody_else_left(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a directory such as /tmp, only its user may remove it."""
    listening(short / "s").close()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    server = grpc.aio.server()
    with pytest.raises(OperatorError, match="cannot be removed: Operation not permitted"):
        bind_socket(server, str(short / "s"))
    await server.stop(None)


def test_the_socket_of_the_next_server_stays(short: Path) -> None:
    with listening(short / "s"):
        held = HeldSocket(str(short / "s"))
        (short / "s").unlink()
        with listening(short / "s"):
            held.close()
            assert (short / "s").is_socket()


async def test_no_socket_stays_if_the_next_address_cannot_be_bound(short: Path) -> None:
    doors = Doors(Security(Config()), NOTHING)
    addresses = [Listener(path=str(short / "s")), Listener(path=str(short / "nowhere" / "s"))]
    with pytest.raises(OperatorError, match="there is no folder"):
        doors.bind(addresses)
    await doors.stop(None)
    assert not facts_of(short)
