"""HTTP/2 frames, and connections that may send any of them, which no library allows."""

from __future__ import annotations

import select
import socket
import struct
import time
from contextlib import suppress

DATA, HEADERS, RESET, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
MOST_BYTES = 16384
"""The longest payload of a frame that every server accepts."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME = struct.Struct(">BHBBI")
_ACK = 1
_INITIAL_WINDOW = 4
_LONGEST_WINDOW = 2**31 - 1
_CONNECTION_WINDOW = 65535
_CANCELLED = struct.pack(">I", 8)
_READ_BYTES = 1 << 18
_CHECK_SECONDS = 0.1


class Ended(Exception):
    """The server has closed the connection or cannot be reached, or the attack is over."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame."""
    size = len(payload)
    return _FRAME.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def greeting(window: int = _LONGEST_WINDOW) -> bytes:
    """The begin of a connection of a client with room for this number of bytes of each reply."""
    settings = struct.pack(">HI", _INITIAL_WINDOW, window)
    more = struct.pack(">I", _LONGEST_WINDOW - _CONNECTION_WINDOW)
    return _PREFACE + frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, more)


def header(name: str, value: str, *, kept: bool = False) -> bytes:
    """A header as plain text; a kept one enters the table that later headers refer to."""
    return (b"\x40" if kept else b"\x00") + _text(name) + _text(value)


def _text(text: str) -> bytes:
    size, rest = len(text), b""
    if size >= 0x7F:  # RFC 7541, 5.1
        left, size = size - 0x7F, 0x7F
        while left >= 0x80:
            rest += bytes([left & 0x7F | 0x80])
            left >>= 7
        rest += bytes([left])
    return bytes([size]) + rest + text.encode("latin-1")


def headers_of(method: str) -> bytes:
    """The headers of a call of Dagster's service; they leave the table of the server empty."""
    pairs = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/api.DagsterApi/{method}",
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return b"".join(header(name, value) for name, value in pairs.items())


def call(stream: int, headers: bytes, message: bytes) -> bytes:
    """A whole call, with a message that fits into one frame."""
    data = struct.pack(">BI", 0, len(message)) + message
    return frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, END_STREAM, stream, data)


def reset(stream: int) -> bytes:
    """A frame that cancels a call."""
    return frame(RESET, 0, stream, _CANCELLED)


class Connection:
    """A connection to a server.

    Args:
        path: the server's unix socket.
        until: the end of the attack, on the monotonic clock.
        begin: the first bytes to send.
        reads: whether it reads and forgets the bytes of the server, and confirms its settings;
            otherwise it never reads.

    Raises:
        Ended: here and in the methods.
    """

    def __init__(self, path: str, until: float, begin: bytes, *, reads: bool = True) -> None:
        self._until = until
        self._reads = reads
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(max(_CHECK_SECONDS, until - time.monotonic()))
        try:
            self._socket.connect(path)
            self._socket.setblocking(False)
            self.send(begin)
            if reads:
                # Without this a server refuses most calls.
                self.listen()
                self.send(frame(SETTINGS, _ACK, 0))
        except (OSError, Ended) as error:
            self._socket.close()
            raise Ended from error

    def send(self, data: bytes) -> None:
        """Send all of this, however long the server takes to read it."""
        left = memoryview(data)
        while left:
            if self._wait(select.POLLOUT) & select.POLLOUT:
                try:
                    left = left[self._socket.send(left) :]
                except BlockingIOError:
                    pass
                except OSError as error:
                    raise Ended from error

    def listen(self) -> None:
        """Wait for bytes of the server."""
        while not self._wait(0) & select.POLLIN:
            pass

    @property
    def is_open(self) -> bool:
        """Whether the server has not closed it; it drops what has arrived."""
        with suppress(BlockingIOError):
            try:
                while self._socket.recv(_READ_BYTES):
                    pass
            except BlockingIOError:
                return True
            except OSError:
                pass
        return False

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _wait(self, events: int) -> int:
        """Wait for one of the events, and for bytes if it reads; returns the events."""
        if time.monotonic() >= self._until:
            raise Ended
        poll = select.poll()
        poll.register(self._socket, events | (select.POLLIN if self._reads else 0))
        found = poll.poll(_CHECK_SECONDS * 1000)
        happened = found[0][1] if found else 0
        if happened & select.POLLIN:
            try:
                data = self._socket.recv(_READ_BYTES)
            except OSError as error:
                raise Ended from error
            if not data:
                raise Ended
            self._heard(data)
        elif happened & (select.POLLERR | select.POLLHUP):
            raise Ended
        return happened

    def _heard(self, data: bytes) -> None:
        """Take bytes of the server."""


class Caller(Connection):
    """A connection that counts its calls that the server has ended."""

    def __init__(self, path: str, until: float) -> None:
        self._unread = b""
        self._over = 0
        super().__init__(path, until, greeting())

    def ended(self) -> int:
        """Wait until calls have ended; returns the number of those not yet returned."""
        while not self._over:
            self.listen()
        over, self._over = self._over, 0
        return over

    def _heard(self, data: bytes) -> None:
        data, at = self._unread + data, 0
        while at + _FRAME.size <= len(data):
            high, low, kind, flags, _ = _FRAME.unpack_from(data, at)
            after = at + _FRAME.size + (high << 16 | low)
            if after > len(data):
                break
            at = after
            self._over += kind == RESET or (kind in (DATA, HEADERS) and flags & END_STREAM)
        self._unread = data[at:]
