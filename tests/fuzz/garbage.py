"""What clients send that do not speak HTTP/2 as gRPC does, or stop in the middle."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from random import Random

from codeserver.probe import hpack
from tests.unit.http2_frames import (
    CONTINUATION,
    DATA,
    EMPTY,
    GREETING,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    block,
    frame,
    request,
)

HEADERS = block(_path="/api.DagsterApi/GetServerId", content_type="application/grpc", te="trailers")
_CALL = GREETING + request(HEADERS) + frame(DATA, bytes(5), flags=1, stream=1)
_LONG = 300_000
"""Bytes of a flood."""


def _noise(chance: Random) -> bytes:
    return chance.randbytes(chance.choice((1, 20, 3_000)))


def _frames(chance: Random) -> bytes:
    """A good start, and frames of any kind."""
    return GREETING + b"".join(
        frame(
            chance.choice((*range(10), 0xEE)),
            chance.choice((b"", HEADERS, chance.randbytes(chance.choice((4, 5, 8, 200))))),
            flags=chance.choice((0, 1, 4, 5, 8, 0x20, 0x2D, 0xFF)),
            stream=chance.choice((0, 1, 1, 2, 3, 0x7FFFFFFF)),
        )
        for _ in range(chance.randrange(1, 30))
    )


def _changed(chance: Random) -> bytes:
    """A call with some bytes changed, left out, or twice."""
    sent = bytearray(_CALL)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(sent))
        how = chance.randrange(3)
        if how == 0:
            sent[at] = chance.randrange(256)
        elif how == 1:
            del sent[at : at + chance.randrange(1, 9)]
        else:
            sent[at:at] = sent[at : at + chance.randrange(1, 40)]
    return bytes(sent)


def _cut(chance: Random) -> bytes:
    return _CALL[: chance.randrange(len(_CALL))]


def _bomb(chance: Random) -> bytes:
    """Few bytes that stand for many headers: a long one in the table, and references to it."""
    entry = b"\x40" + hpack._string(b"bomb") + hpack._string(b"x" * 3_900)
    return GREETING + b"".join(
        request(HEADERS + entry + b"\xbe" * chance.choice((100, 12_000)), stream=stream)
        for stream in range(1, chance.choice((3, 41)), 2)
    )


def _numbers(_: Random) -> bytes:
    return GREETING + request(HEADERS + b"\x7f" + b"\xff" * 16_000 + b"\x01")


def _many(unit: bytes) -> Callable[[Random], bytes]:
    def flood(chance: Random) -> bytes:
        start = chance.choice((GREETING, _CALL, GREETING + request(HEADERS, flags=0)))
        return start + unit * (_LONG // len(unit))

    return flood


def _resets(_: Random) -> bytes:
    """Calls that are cancelled at once (CVE-2023-44487)."""
    return GREETING + b"".join(
        request(HEADERS, stream=stream) + frame(RST_STREAM, bytes(4), stream=stream)
        for stream in range(1, 6_001, 2)
    )


def _connect(chance: Random) -> bytes:
    token = base64.b64encode(chance.choice((b"a:b", b"ci:" + chance.randbytes(9), b"::")))
    head = b"CONNECT code.example:%d HTTP/1.1\r\nProxy-Authorization: Basic %s\r\n"
    end = chance.choice((b"\r\n", b"", b"X: y\r\n" * 3_000, b"\r\n" + _CALL))
    return head % (chance.choice((0, 4000, 99_999)), token) + end


def _hello(chance: Random) -> bytes:
    size = chance.choice((1, 50, 16_000))
    record = b"\x16\x03\x01" + size.to_bytes(2, "big")
    return record + b"\x01\x00\xff\x00" + (bytes(size) + record) * (100_000 // (size + 5))


KINDS: dict[str, Callable[[Random], bytes]] = {
    "noise": _noise,
    "any frames": _frames,
    "a changed call": _changed,
    "a call that is cut": _cut,
    "a bomb of headers": _bomb,
    "endless numbers": _numbers,
    "continuations": _many(frame(CONTINUATION, b"", stream=1)),
    "continued headers": _many(frame(CONTINUATION, b"\x00\x01a\x01b" * 100, stream=1)),
    "settings": _many(EMPTY),
    "long settings": _many(frame(SETTINGS, bytes.fromhex("000300000064") * 100)),
    "pings": _many(frame(PING, bytes(8))),
    "windows": _many(frame(WINDOW_UPDATE, b"\0\0\0\1")),
    "priorities": _many(frame(PRIORITY, b"\0\0\0\0\x10", stream=3)),
    "empty data": _many(frame(DATA, b"", stream=1)),
    "resets": _resets,
    "CONNECT": _connect,
    "a TLS hello": _hello,
}


def good_call() -> bytes:
    """A call that is answered."""
    return _CALL


def garbage(kind: str, seed: int) -> Iterator[bytes]:
    """Garbage of a kind, in pieces."""
    chance = Random(f"{kind} {seed}")
    sent = KINDS[kind](chance)
    at = 0
    while at < len(sent):
        size = chance.choice((1, 9, 100, 20_000, len(sent)))
        if len(sent) > _LONG // 2:
            size = max(size, 5_000)
        yield sent[at : at + size]
        at += size
