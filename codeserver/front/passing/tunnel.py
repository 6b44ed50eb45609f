"""A client that opens its connection by HTTP CONNECT (RFC 9110, 9.3.6), as gRPC does with a proxy.

Dagster's own client sends no token. But gRPC's core honours `grpc_proxy=http://NAME:TOKEN@HOST:PORT`
(https://github.com/grpc/grpc/blob/master/doc/environment_variables.md): so a gateway learns who the
caller is, and which host it wants.
"""

from __future__ import annotations

import base64
import binascii
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from codeserver.front.passing import hello
from codeserver.front.passing.connections import Connections
from codeserver.front.passing.copying import Copying
from codeserver.front.passing.guest import Guest

_LONGEST_HEAD = 8192
_HEAD_SECONDS = 10.0
_METHOD, _END = b"CONNECT ", b"\r\n\r\n"

_REQUEST = re.compile(rb"CONNECT (\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):\d{1,5} HTTP/1\.[01]")


class Refused(Exception):
    """The client does not get through."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Wish:
    """What a client has asked for.

    Attributes:
        host: in lower case, without brackets.
        name, token: of `Proxy-Authorization`; empty if there is none.
    """

    host: str
    name: str
    token: str


Find = Callable[[Wish], Callable[[bool], str]]
"""Raises `Refused`, or returns what gives the path of a server's socket, with TLS or without."""


class Tunnel(Guest):
    """Reads the request of a client, answers it, and connects the client with a server.

    Args:
        client: a non-blocking socket, which is closed in the end, here or by what comes after.
        is_tls: whether the client must speak TLS with the server.
    """

    def __init__(
        self, connections: Connections, client: socket.socket, find: Find, is_tls: bool
    ) -> None:
        self._find = find
        self._is_tls = is_tls
        self._path_of: Callable[[bool], str] | None = None
        self._head = bytearray()
        super().__init__(connections, client, _HEAD_SECONDS)

    def _read(self) -> None:
        count = self._receive()
        chunk = bytes(self._connections.buffer[:count])
        if not chunk:
            return
        if self._path_of is not None:
            self._pass_on(self._path_of, chunk)
        else:
            self._head += chunk
            self._answer()

    def _answer(self) -> None:
        head, end, rest = bytes(self._head).partition(_END)
        try:
            if not head.startswith(_METHOD[: len(head)]):
                raise Refused("405 Method Not Allowed", "this port is a gateway for CONNECT")
            if not end:
                if len(head) >= _LONGEST_HEAD:
                    raise Refused("431 Request Header Fields Too Large", "the request is too long")
                return
            if rest:
                raise Refused("400 Bad Request", "bytes came before the answer")
            self._path_of = self._find(wish_in(head))
        except Refused as refusal:
            self._refuse(refusal)
        else:
            self._welcome()

    def _welcome(self) -> None:
        try:
            self._client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        except OSError:
            self.close()  # is gone

    def _pass_on(self, path_of: Callable[[bool], str], first: bytes) -> None:
        """Connect the client, whose first bytes in the tunnel these are, with its server."""
        is_tls = first[0] == hello.HANDSHAKE
        if self._is_tls and not is_tls:
            self._give_up("without TLS", "in a workspace of Dagster, `ssl: true` gives it TLS")
        elif is_tls and not path_of(True):
            self._give_up("with TLS", "this server has no certificate; see --tls-cert")
        else:
            copy = partial(self._copy, first=first)
            self._reach(lambda: path_of(is_tls), copy, self._unreachable)

    def _give_up(self, kind: str, hint: str) -> None:
        self._complain(f"a connection {kind} was refused at the gateway", f": {hint}")
        self.close()

    def _unreachable(self, reason: str) -> None:
        self._connections.complain("a location is not served", reason)
        self.close()

    def _copy(self, server: socket.socket, first: bytes) -> None:
        self._become(Copying(self._connections, self._client, server, 0, 0), first, b"")

    def _refuse(self, refusal: Refused) -> None:
        text = f"{refusal}\n".encode()
        head = [
            f"HTTP/1.1 {refusal.status}",
            f"Content-Length: {len(text)}",
            "Content-Type: text/plain",
            "Connection: close",
        ]
        if refusal.status.startswith("407"):
            head.append('Proxy-Authenticate: Basic realm="codeserver"')
        self._complain("a connection was refused at the gateway", f": {refusal}")
        self._dismiss("\r\n".join([*head, "", ""]).encode() + text)


def wish_in(head: bytes) -> Wish:
    """The wish in the head of a request.

    Raises:
        Refused: it is no CONNECT, or its token cannot be read.
    """
    line, *fields = head.split(b"\r\n")
    match = _REQUEST.fullmatch(line)
    if match is None:
        raise Refused("400 Bad Request", "the first line is not `CONNECT HOST:PORT HTTP/1.1`")
    name = token = ""
    for field in fields:
        key, _, value = field.partition(b":")
        if key.strip().lower() == b"proxy-authorization":
            name, token = _credentials(value.strip())
    return Wish(match[1].decode().strip("[]").lower(), name, token)


def _credentials(value: bytes) -> tuple[str, str]:
    scheme, _, given = value.partition(b" ")
    try:
        if scheme.lower() != b"basic":
            raise ValueError
        name, colon, token = base64.b64decode(given.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError
    except (ValueError, binascii.Error):
        raise Refused(
            "407 Proxy Authentication Required",
            "Proxy-Authorization must be Basic, as in grpc_proxy=http://NAME:TOKEN@HOST:PORT",
        ) from None
    return name, token
