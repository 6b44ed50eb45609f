"""Bind the server to its addresses, with a plain error for each cause of failure."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

import grpc

from codeserver import default_address
from codeserver.config import Config
from codeserver.errors import OperatorError

_LONGEST_SOCKET_PATH = 107
"""Bytes (`sun_path` in unix(7), without the closing zero)."""


def bind(server: grpc.aio.Server, config: Config) -> list[str]:
    """Bind to the port, the unix socket, or both.

    Returns:
        The addresses, such as `127.0.0.1:4000` and `unix:/run/code.sock`.

    Raises:
        OperatorError: an address cannot be bound.
    """
    addresses = []
    # The port first: if binding it fails, no socket file is left behind.
    if config.port is not None or not config.socket:
        port = default_address.PORT if config.port is None else config.port
        addresses += _bind_port(server, config.host, port)
    if config.socket:
        addresses.insert(0, _bind_socket(server, config.socket))
    return addresses


def _bind_port(server: grpc.aio.Server, host: str, port: int) -> list[str]:
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]  # the spelling of an IPv6 address that stock needs
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise OperatorError(f"Host {host} cannot be resolved: {error.strerror}.") from None
    # IPv4 first: if a name has both, people type the IPv4 address.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    bound: list[str] = []
    for family, address in dict.fromkeys((entry[0], entry[4][0]) for entry in found):
        problem = _why_not(family, str(address), port)
        if problem == errno.EADDRNOTAVAIL and bound:
            continue  # `localhost` has an IPv6 address in many hosts files and no interface for it
        if problem is not None:
            raise OperatorError(_port_problem(problem, str(address), port))
        name = f"[{address}]" if family == socket.AF_INET6 else address
        try:
            port = server.add_insecure_port(f"{name}:{port}")
        except RuntimeError:
            raise OperatorError(_port_problem(errno.EADDRINUSE, str(address), port)) from None
        bound.append(f"{name}:{port}")
    return bound


def _why_not(family: socket.AddressFamily, address: str, port: int) -> int | None:
    """The errno of a failed bind to this address, else None; gRPC reports no cause of failure."""
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno
    return None


def _port_problem(number: int, address: str, port: int) -> str:
    if number == errno.EADDRINUSE:
        return f"Port {port} on {address} is in use; stop what uses it or choose another with -p."
    if number == errno.EACCES:
        return f"Port {port} on {address} needs more privileges; choose one above 1023 with -p."
    return f"Port {port} on {address} cannot be bound: {os.strerror(number)}."


def _bind_socket(server: grpc.aio.Server, path: str) -> str:
    absolute = Path(path).absolute()
    if len(os.fsencode(absolute)) > _LONGEST_SOCKET_PATH:
        raise OperatorError(
            f"Socket path {absolute} is longer than the {_LONGEST_SOCKET_PATH} bytes that a unix "
            "socket may have; choose a shorter one."
        )
    _remove_stale(absolute)
    problem = _folder_problem(absolute)
    if problem:
        raise OperatorError(f"Socket {absolute} cannot be made: {problem}.")
    try:
        server.add_insecure_port(f"unix:{absolute}")
    except RuntimeError as error:
        raise OperatorError(f"Socket {absolute} cannot be made: {error}.") from None
    return f"unix:{absolute}"


def _folder_problem(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return f"folder {path.parent} is not writable"
    if path.exists():
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
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                path.unlink()
            return
        except OSError as error:
            raise OperatorError(f"Socket {path} cannot be used: {error.strerror}.") from None
    raise OperatorError(f"Socket {path} is in use; stop what uses it or choose another with -s.")
