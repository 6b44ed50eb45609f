"""The addresses that a host and a port mean, and a plain error for each that cannot be bound."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from codeserver.errors import OperatorError
from codeserver.system.sockets import SHARES_PORTS

_PROBE_SECONDS = 1.0


def bind_each(
    host: str, port: int, bind: Callable[[socket.AddressFamily, str, int], int]
) -> list[str]:
    """Bind a port on every address that a host has.

    Args:
        host: a name or an address; an IPv6 address may be in brackets.
        port: 0 picks one, which is the same on all addresses.
        bind: binds one address and returns its port; raises OSError.

    Returns:
        The addresses, such as `127.0.0.1:4000`; IPv4 first, because people type that.

    Raises:
        OperatorError: the host cannot be resolved, or an address cannot be bound.
    """
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]  # the spelling of an IPv6 address that stock needs
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise OperatorError(f"Host {host} cannot be resolved: {error.strerror}.") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    bound: list[str] = []
    for family, address in dict.fromkeys((entry[0], str(entry[4][0])) for entry in found):
        try:
            port = bind(family, address, port)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and bound:
                continue  # `localhost` has IPv6 in many hosts files and no interface for it
            raise OperatorError(_problem(error.errno or 0, address, port)) from None
        bound.append(f"[{address}]:{port}" if family == socket.AF_INET6 else f"{address}:{port}")
    return bound


def bound_socket(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    """A TCP socket that is bound and does not listen yet; raises OSError."""
    if SHARES_PORTS and port and _answers(family, address, port):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound


def _answers(family: socket.AddressFamily, address: str, port: int) -> bool:
    """Whether a server answers at an address, be it bound to that one or to all of the machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect((everywhere.get(address, address), port))
        except OSError:
            return False
    return True


def _problem(number: int, address: str, port: int) -> str:
    if number == errno.EADDRINUSE:
        return f"Port {port} on {address} is in use; stop what uses it or choose another with -p."
    if number == errno.EACCES:
        return f"Port {port} on {address} needs more privileges; choose one above 1023 with -p."
    return f"Port {port} on {address} cannot be bound: {os.strerror(number)}."
