"""Frames of HTTP/2 (RFC 9113): those that the router sends, and those that it drops."""

from __future__ import annotations

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))

NO_ERROR, PROTOCOL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR = 0, 1, 6, 9
ENHANCE_YOUR_CALM = 11

HEAD_BYTES = 9
"""The length of a payload, the type, flags and the stream."""

(
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
) = range(10)
ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x4, 0x8, 0x20

SETTINGS_ACK = bytes((0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0))
PING_ACK = bytes((0, 0, 8, PING, ACK, 0, 0, 0, 0))
"""Without its payload."""


def goaway(code: int, reason: str) -> bytes:
    """The frame that ends a connection; no request of it was carried out, so all may be retried."""
    payload = bytes(4) + code.to_bytes(4, "big") + reason.encode()
    return len(payload).to_bytes(3, "big") + bytes((GOAWAY, 0, 0, 0, 0, 0)) + payload


class AckFilter:
    """A stream of frames without the first few acknowledgements of settings.

    Args:
        count: the acknowledgements to drop.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._head = b""
        self._payload = 0

    def feed(self, data: bytes | memoryview) -> bytes:
        """The bytes that are to be sent; those of a frame whose kind is not known yet follow."""
        data = self._head + bytes(data)
        self._head = b""
        passed = []
        at = 0
        while self.count and at < len(data):
            if self._payload:
                start, at = at, min(len(data), at + self._payload)
                self._payload -= at - start
                passed.append(data[start:at])
            elif len(data) - at < HEAD_BYTES:
                self._head = data[at:]
                at = len(data)
            elif data[at : at + HEAD_BYTES] == SETTINGS_ACK:
                self.count -= 1
                at += HEAD_BYTES
            else:
                self._payload = HEAD_BYTES + int.from_bytes(data[at : at + 3], "big")
        passed.append(data[at:])
        return b"".join(passed)

    def end(self) -> bytes:
        """The beginning of a frame whose end will not come."""
        head, self._head = self._head, b""
        return head
