"""Addresses in the forms that people write, turned into the form that gRPC takes."""

from __future__ import annotations

from codeserver import default_address

_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix-abstract:")
_LOCAL = ("localhost", "127.", "[::1]", "unix")


def grpc_target(address: str) -> str:
    """The address in gRPC's form: `host:port`, `[ipv6]:port` or `unix:/path`.

    It may also be written as `host` or `:port`, or be a target of gRPC, such as `dns:///name`.

    Raises:
        OperatorError: the address is none of these.
    """
    address = address.strip().removeprefix(default_address.TLS)
    if address.startswith(_SCHEMES):
        return address
    if address.startswith("unix:"):
        return _unix_target(address)
    if "/" in address:
        raise _unusable(address)
    host, port = _split(address)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{host or 'localhost'}:{port}"


def is_local(target: str) -> bool:
    """Whether the target is on this machine, which no HTTP proxy can reach."""
    return target.startswith(_LOCAL)


def is_loopback(host: str) -> bool:
    """Whether the host is the loopback interface of this machine, by address or by name."""
    known = ("::1", "[::1]", "localhost")
    return host.startswith("127.") or host in known or host.endswith(".localhost")


def host_and_port(target: str) -> tuple[str, int] | None:
    """Host and port of a target of `grpc_target`, IPv6 in brackets; None for a socket."""
    if target.startswith("unix"):
        return None
    for scheme in _SCHEMES:
        target = target.removeprefix(scheme)
    return _split(target.rpartition("/")[2])


def _unix_target(address: str) -> str:
    path = address[len("unix:") :]
    # `unix:///run/x.sock` is the same as `unix:/run/x.sock`.
    path = "/" + path.lstrip("/") if path.startswith("//") else path
    if not path.strip("/"):
        raise _unusable(address)
    return f"unix:{path}"


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]") or (address.count(":") > 1 and host[-1:] not in "]"):
        return _checked(address, address), default_address.PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise _unusable(address)
    return (_checked(host, address) if host else ""), int(port)


def _checked(host: str, address: str) -> str:
    if not host or any(map(str.isspace, host)) or host.startswith("[") != host.endswith("]"):
        raise _unusable(address)
    return host


def _unusable(address: str) -> Exception:
    from codeserver.errors import OperatorError

    if "://" in address:
        rest = address.partition("://")[2].strip("/")
        hint = f"leave the scheme out: {rest}" if rest and "/" not in rest else "give host:port"
    elif "/" in address:
        hint = f"for a socket, write unix:{address}"
    else:
        hint = "give host:port or unix:PATH"
    return OperatorError(f'"{address}" is not an address of a code location; {hint}.')
