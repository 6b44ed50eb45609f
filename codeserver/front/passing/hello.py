"""The host that a TLS client names before anything is encrypted (RFC 8446, 4.1.2; RFC 6066, 3)."""

from __future__ import annotations

HANDSHAKE = 0x16
"""The first byte of a client that speaks TLS; gRPC without TLS begins with `P`."""

_LONGEST = 1 << 16
_CLIENT_HELLO = 1
_SERVER_NAME = 0


class Malformed(Exception):
    """It is no TLS."""


def host_in(data: bytes) -> str | None:
    """The host in lower case, empty if the client names none; None if more bytes are needed.

    Raises:
        Malformed: the bytes are no beginning of TLS.
    """
    message = _message(data)
    if message is None:
        return None
    try:
        return _server_name(message)
    except (IndexError, UnicodeDecodeError):
        raise Malformed from None


def _message(data: bytes) -> bytes | None:
    """The first handshake message, which may be in several records; None if there is more of it."""
    message, start = b"", 0
    while len(data) >= start + 5:
        length = int.from_bytes(data[start + 3 : start + 5], "big")
        if data[start] != HANDSHAKE or data[start + 1] != 3 or not length:
            raise Malformed
        message += data[start + 5 : start + 5 + length]
        start += 5 + length
        if len(message) >= 4:
            end = 4 + int.from_bytes(message[1:4], "big")
            if message[0] != _CLIENT_HELLO or end > _LONGEST:
                raise Malformed
            if len(message) >= end:
                return message[4:end]
    return None


class _Fields:
    """Reads fields of bytes one after the other. Past the end, it raises IndexError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        self._at += count
        if self._at > len(self._data):
            raise IndexError
        return self._data[self._at - count : self._at]

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(len(self._data) - self._at)

    def number(self, size: int) -> int:
        """The next number, of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> _Fields:
        """The next bytes, before which their number stands in so many bytes."""
        return _Fields(self.take(self.number(size)))


def _server_name(hello: bytes) -> str:
    fields = _Fields(hello)
    fields.take(2 + 32)  # version and random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        fields.vector(size)
    extensions = fields.vector(2) if fields else _Fields(b"")
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names = content.vector(2)
            while names:
                is_host, name = names.number(1) == 0, names.vector(2)
                if is_host:
                    return name.rest().decode("ascii").lower()
    return ""
