"""Bind the server to its addresses, with a plain error for each cause of failure."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from codeserver.errors import OperatorError
from codeserver.front.addresses import bind_each, bound_socket
from codeserver.system.sockets import LONGEST_PATH


def bind_port(
    server: grpc.aio.Server, host: str, port: int, credentials: grpc.ServerCredentials | None = None
) -> list[str]:
    """Bind a port on each address of a host, with TLS if there are credentials.

    Returns:
        The addresses, such as `127.0.0.1:4000`.

    Raises:
        OperatorError: an address cannot be bound.
    """

    def bind_one(family: socket.AddressFamily, address: str, port: int) -> int:
        bound_socket(family, address, port).close()  # gRPC reports no cause of failure
        name = f"[{address}]" if family == socket.AF_INET6 else address
        try:
            if credentials is not None:
                return server.add_secure_port(f"{name}:{port}", credentials)
            return server.add_insecure_port(f"{name}:{port}")
        except RuntimeError as error:
            raise OSError(errno.EADDRINUSE, str(error)) from None

    return bind_each(host, port, bind_one)


def bind_socket(
    server: grpc.aio.Server,
    path: str,
    credentials: grpc.ServerCredentials | None = None,
    mode: int | None = None,
    owner: str = "",
) -> str:
    """Bind a unix socket, with TLS if there are credentials.

    Args:
        server: which serves on it.
        path: where it is made.
        credentials: None for no TLS.
        mode: its permissions; None for those that the umask gives.
        owner: `USER`, `:GROUP` or `USER:GROUP` that gets it; empty for that of this process.

    Returns:
        The address, such as `unix:/run/code.sock`.

    Raises:
        OperatorError: the socket cannot be made.
    """
    absolute = make_room(path)
    try:
        with _umask_for(0 if owner else mode):
            if credentials is None:
                server.add_insecure_port(f"unix:{absolute}")
            else:
                server.add_secure_port(f"unix:{absolute}", credentials)
    except RuntimeError as error:
        raise OperatorError(f"Socket {absolute} cannot be made: {error}.") from None
    if owner:
        _give(absolute, owner, mode)
    return f"unix:{absolute}"


def _give(path: Path, owner: str, mode: int | None) -> None:
    """Give a socket, to which nobody can connect yet, to its owner, and then its mode."""
    who: list[Any] = [int(name) if name.isdecimal() else name or None for name in owner.split(":")]
    try:
        shutil.chown(path, *who)
        path.chmod(0o777 & ~_umask() if mode is None else mode)
    except (LookupError, OSError) as error:
        path.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OperatorError(f"Socket {path} cannot be given to {owner}: {reason}.") from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _umask_for(mode: int | None) -> Iterator[None]:
    """Let what is made in the block have this mode from the beginning.

    A change afterwards would come too late for who is already connected, and could be led to
    another file. This process makes no file and no process meanwhile.
    """
    if mode is None:
        yield
        return
    before = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(before)


def make_room(path: str) -> Path:
    """Remove what an ended server has left at the path of a socket.

    Returns:
        The absolute path.

    Raises:
        OperatorError: no socket can be made there, such as because something else is there.
    """
    absolute = Path(path).absolute()
    if len(os.fsencode(absolute)) > LONGEST_PATH:
        raise OperatorError(
            f"Socket path {absolute} is longer than the {LONGEST_PATH} bytes that a unix "
            "socket may have; choose a shorter one."
        )
    _remove_stale(absolute)
    problem = _folder_problem(absolute)
    if problem:
        raise OperatorError(f"Socket {absolute} cannot be made: {problem}.")
    return absolute


def _folder_problem(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return f"folder {path.parent} is not writable"
    if os.path.lexists(path):  # also a link that leads nowhere yet
        return "a file with that name exists, and it is not a socket"
    return None


def _remove_stale(path: Path) -> None:
    """Remove a socket that an ended server left behind.

    Raises:
        OperatorError: a server answers on the socket, or the socket cannot be used.
    """
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return
    except OSError:
        return
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.setblocking(False)  # a server that accepts nothing could hold us up
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise OperatorError(
                    f"Socket {path}, which nobody serves, cannot be removed: {error.strerror}."
                ) from None
            return
        except BlockingIOError:
            pass
        except OSError as error:
            raise OperatorError(f"Socket {path} cannot be used: {error.strerror}.") from None
    raise OperatorError(f"Socket {path} is in use; stop what uses it or choose another with -s.")
