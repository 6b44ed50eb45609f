"""The first frames of an HTTP/2 client, up to the authority of its first request (RFC 9113).

Nothing here does I/O. gRPC's clients send no request before they have settings from the server.
So whoever reads an opening speaks for a server that is not known yet: sends empty settings,
acknowledges the client's, and answers pings. The server that is found then sends its own settings,
which is allowed at any time. It must not see the acknowledgement of settings that it has not sent,
and the client must not see its own settings acknowledged twice; `AckFilter` drops both.
"""

from __future__ import annotations

import functools
import re

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))

NO_ERROR, PROTOCOL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR = 0, 1, 6, 9
ENHANCE_YOUR_CALM = 11

MOST_BYTES = 64 * 1024
"""Bytes that a client may send before its first request is complete."""

_HEAD = 9
_LARGEST_FRAME = 16 * 1024
"""Bytes of a payload, by the defaults that empty settings leave."""

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PUSH_PROMISE, _PING, _GOAWAY = 0, 1, 3, 4, 5, 6, 7
_CONTINUATION = 9
_ONLY_AFTER_A_REQUEST = {_DATA, _RST_STREAM, _PUSH_PROMISE, _CONTINUATION}
_ACK, _END_HEADERS, _PADDED, _PRIORITY = 0x1, 0x4, 0x8, 0x20
_SETTINGS_ACK = bytes((0, 0, 0, _SETTINGS, _ACK, 0, 0, 0, 0))
_PING_ACK = bytes((0, 0, 8, _PING, _ACK, 0, 0, 0, 0))

_SHORT_BLOCK = 2048
"""Bytes; the authority of a longer block is not remembered."""

_TLS_HANDSHAKE = 0x16
_HTTP_1 = re.compile(rb"[A-Z]+ ")
_HOST = re.compile(r"(?:\[([0-9a-z:.%]+)\]|([a-z0-9._-]+))(?::[0-9]*)?")


class Refused(Exception):
    """The client breaks the protocol.

    Attributes:
        code: the error code of HTTP/2.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class OtherProtocol(Exception):
    """The client does not speak HTTP/2 without TLS; the message is what it speaks."""


class Opening:
    """The reader of what a client sends first.

    Attributes:
        answers: what is to be sent to the client now; the caller sends and clears it.
        replay: the frames for the server, all but those that were answered here.
        given_acks: the acknowledgements that the client has had, which the server repeats.
        awaited_acks: the acknowledgements that the client still owes.
    """

    def __init__(self) -> None:
        self.answers = bytearray()
        self.replay = bytearray()
        self.given_acks = 0
        self.awaited_acks = 1
        self._rest = bytearray()
        self._received = 0
        self._stream = 0
        self._block: bytearray | None = None
        self._authority: bytes | None = None

    @property
    def greeted(self) -> bool:
        """Whether the client has sent its first settings."""
        return self.given_acks > 0

    @property
    def host(self) -> str | None:
        """The host of the first request, empty if it names none; None before the request."""
        return None if self._authority is None else host_of(self._authority)

    @property
    def rest(self) -> bytes:
        """The bytes behind the first request, which `AckFilter` must see before the server."""
        return bytes(self._rest)

    def feed(self, data: bytes | memoryview) -> bool:
        """Read on.

        Returns:
            Whether the first request is complete.

        Raises:
            OtherProtocol: the bytes are not HTTP/2.
            Refused: the frames cannot be those of a request.
        """
        self._rest += data
        self._received += len(data)
        at = 0
        if not self.replay:
            if not self._has_preface():
                return False
            at = len(PREFACE)
        while self._authority is None and (end := self._end_of_frame(at)):
            self._take(bytes(self._rest[at:end]))
            at = end
        del self._rest[:at]
        if self._authority is None and self._received > MOST_BYTES:
            raise Refused(ENHANCE_YOUR_CALM, f"no request within {MOST_BYTES} bytes")
        return self._authority is not None

    def _has_preface(self) -> bool:
        start = bytes(self._rest[: len(PREFACE)])
        if not PREFACE.startswith(start):
            if start[0] == _TLS_HANDSHAKE:
                raise OtherProtocol("TLS")
            raise OtherProtocol("HTTP/1" if _HTTP_1.match(start) else "another protocol")
        if len(start) < len(PREFACE):
            return False
        self.replay += PREFACE
        self.answers += EMPTY_SETTINGS
        return True

    def _end_of_frame(self, at: int) -> int:
        """The end of the frame at an offset; 0 if it is not there yet."""
        if len(self._rest) < at + _HEAD:
            return 0
        length = int.from_bytes(self._rest[at : at + 3], "big")
        if length > _LARGEST_FRAME:
            raise Refused(FRAME_SIZE_ERROR, f"a frame of {length} bytes")
        end = at + _HEAD + length
        return end if len(self._rest) >= end else 0

    def _take(self, frame: bytes) -> None:
        kind, flags = frame[3], frame[4]
        stream = int.from_bytes(frame[5:_HEAD], "big") & 0x7FFFFFFF
        if not self.greeted and (kind != _SETTINGS or flags & _ACK):
            raise Refused(PROTOCOL_ERROR, "the first frame has no settings")
        if self._block is not None:
            if (kind, stream) != (_CONTINUATION, self._stream):
                raise Refused(PROTOCOL_ERROR, "headers that do not end")
            self._continue(frame[_HEAD:], flags)
        elif kind == _HEADERS:
            self._begin(frame[_HEAD:], flags, stream)
        elif kind in _ONLY_AFTER_A_REQUEST:
            raise Refused(PROTOCOL_ERROR, f"a frame of type {kind} before a request")
        elif kind == _SETTINGS and self._answered_settings(frame, flags, stream):
            return
        elif kind == _PING and not flags & _ACK:
            # The server is not told, or it would answer again.
            _expect(len(frame) == _HEAD + 8, FRAME_SIZE_ERROR, "a ping that is not 8 bytes")
            _expect(stream == 0, PROTOCOL_ERROR, "a ping of a stream")
            self.answers += _PING_ACK + frame[_HEAD:]
            return
        self.replay += frame

    def _answered_settings(self, frame: bytes, flags: int, stream: int) -> bool:
        """Answer settings; returns whether the frame ends here."""
        _expect(stream == 0, PROTOCOL_ERROR, "settings of a stream")
        if not flags & _ACK:
            _expect(len(frame) % 6 == _HEAD % 6, FRAME_SIZE_ERROR, "settings of an odd length")
            self.given_acks += 1
            self.answers += _SETTINGS_ACK
            return False
        _expect(len(frame) == _HEAD, FRAME_SIZE_ERROR, "an acknowledgement with settings")
        _expect(self.awaited_acks > 0, PROTOCOL_ERROR, "an acknowledgement of no settings")
        self.awaited_acks -= 1
        return True

    def _begin(self, payload: bytes, flags: int, stream: int) -> None:
        _expect(stream % 2 == 1, PROTOCOL_ERROR, f"a request on stream {stream}")
        self._stream = stream
        self._block = bytearray()
        start = 5 if flags & _PRIORITY else 0
        end = len(payload)
        if flags & _PADDED:
            _expect(bool(payload), FRAME_SIZE_ERROR, "headers without the length of their padding")
            start += 1
            end -= payload[0]
        _expect(start <= end, PROTOCOL_ERROR, "headers with more padding than bytes")
        self._continue(payload[start:end], flags)

    def _continue(self, part: bytes, flags: int) -> None:
        assert self._block is not None
        self._block += part
        if flags & _END_HEADERS:
            read = _known_authority if len(self._block) <= _SHORT_BLOCK else _authority
            self._authority = read(bytes(self._block))


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
            elif len(data) - at < _HEAD:
                self._head = data[at:]
                at = len(data)
            elif data[at : at + _HEAD] == _SETTINGS_ACK:
                self.count -= 1
                at += _HEAD
            else:
                self._payload = _HEAD + int.from_bytes(data[at : at + 3], "big")
        passed.append(data[at:])
        return b"".join(passed)

    def end(self) -> bytes:
        """The beginning of a frame whose end will not come."""
        head, self._head = self._head, b""
        return head


def goaway(code: int, reason: str) -> bytes:
    """The frame that ends a connection; no request of it was carried out, so all may be retried."""
    payload = bytes(4) + code.to_bytes(4, "big") + reason.encode()
    return len(payload).to_bytes(3, "big") + bytes((_GOAWAY, 0, 0, 0, 0, 0)) + payload


def host_of(authority: bytes) -> str:
    """The host in lower case without port, brackets and the dot at its end.

    It is empty if the authority is none of a host, such as one with a user or an encoded path.
    """
    match = _HOST.fullmatch(authority.decode("latin-1").lower())
    return (match[1] or match[2]).rstrip(".") if match else ""


def _expect(holds: bool, code: int, otherwise: str) -> None:
    if not holds:
        raise Refused(code, otherwise)


def _authority(block: bytes) -> bytes:
    """The authority in a first block of headers, which depends on no earlier one."""
    try:
        fields = [(field[0], field[1]) for field in hpack.Decoder().decode(block, raw=True)]
    except hpack.HPACKError:
        raise Refused(COMPRESSION_ERROR, "headers that cannot be decoded") from None
    for wanted in (b":authority", b"host"):
        for name, value in fields:
            if name == wanted:
                return bytes(value)
    return b""


_known_authority = functools.lru_cache(maxsize=256)(_authority)
"""Clients that make a channel for each call send the same few blocks again and again."""
