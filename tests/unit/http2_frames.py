"""Frames of HTTP/2, as a client or a server sends them."""

from __future__ import annotations

import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS = {":method": "POST", ":path": "/Test/Call", ":scheme": "http", ":authority": "name:4000"}

DATA, HEADERS_TYPE, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(**changed: str) -> bytes:
    """A block of headers; `_` in a name is `:`, and an empty value leaves a header out."""
    headers = HEADERS | {name.replace("_", ":", 1): value for name, value in changed.items()}
    encoded: bytes = hpack.Encoder().encode([each for each in headers.items() if each[1]])
    return encoded


def request(payload: bytes, flags: int = 0x4, stream: int = 1) -> bytes:
    return frame(HEADERS_TYPE, payload, flags, stream)


EMPTY = frame(SETTINGS)
ACK = frame(SETTINGS, flags=1)
CLIENT_SETTINGS = frame(SETTINGS, bytes.fromhex("000300000064"))
GREETING = PREFACE + CLIENT_SETTINGS
PING_FRAME = frame(PING, b"12345678")
PING_ACK = frame(PING, b"12345678", flags=1)
WINDOW = frame(WINDOW_UPDATE, b"\0\0\1\0")
UNKNOWN = frame(0xEE, b"extension")
"""A frame of no known type, which everyone must ignore."""
