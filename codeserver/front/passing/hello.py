"""The host that a TLS client names before anything is encrypted (RFC 8446, 4.1.2; RFC 6066, 3)."""

from __future__ import annotations

HANDSHAKE = 0x16
"""The first byte of a client that speaks TLS; gRPC without TLS begins with `P`."""

_HEAD_BYTES = 5
_LONGEST = 1 << 16
_CLIENT_HELLO = 1
_SERVER_NAME = 0


class Malformed(Exception):
    """It is no TLS."""


class Hello:
    """Reads the first handshake message, which may be in several records.

    Each byte is looked at once, however many records and pieces there are.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._left = 0  # bytes of the record that are still to come
        self._message = bytearray()

    def feed(self, data: bytes | memoryview) -> str | None:
        """Read on.

        Returns:
            The host in lower case, empty if the client names none; None if more bytes are needed.

        Raises:
            Malformed: the bytes are no beginning of TLS.
        """
        at = 0
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                self._message += part
                self._left -= len(part)
            else:
                part = data[at : at + _HEAD_BYTES - len(self._head)]
                self._head += part
                self._begin_record()
            at += len(part)
            message = self._whole()
            if message is not None:
                return _host_in(message)
        return None

    def _begin_record(self) -> None:
        if len(self._head) == _HEAD_BYTES:
            self._left = int.from_bytes(self._head[3:], "big")
            if self._head[0] != HANDSHAKE or self._head[1] != 3 or not self._left:
                raise Malformed
            self._head.clear()

    def _whole(self) -> bytes | None:
        """The message without its head; None if there is more of it."""
        if len(self._message) < 4:
            return None
        end = 4 + int.from_bytes(self._message[1:4], "big")
        if self._message[0] != _CLIENT_HELLO or end > _LONGEST:
            raise Malformed
        return bytes(self._message[4:end]) if len(self._message) >= end else None


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


def _host_in(message: bytes) -> str:
    try:
        return _server_name(message)
    except (IndexError, UnicodeDecodeError):
        raise Malformed from None


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
