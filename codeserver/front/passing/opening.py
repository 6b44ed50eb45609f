"""The first frames of an HTTP/2 client, up to the authority of its first request (RFC 9113).

Nothing here does I/O. gRPC's clients send no request before they have settings from the server.
So whoever reads an opening speaks for a server that is not known yet: sends empty settings,
acknowledges the client's, and answers pings. The server that is found then sends its own settings,
which is allowed at any time. It must not see the acknowledgement of settings that it has not sent,
and the client must not see its own settings acknowledged twice; `AckFilter` drops both.
"""

from __future__ import annotations

import re

from codeserver.front.passing import hello
from codeserver.front.passing.authority import Malformed, authority_in, host_of
from codeserver.front.passing.frames import (
    ACK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    EMPTY_SETTINGS,
    END_HEADERS,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    HEAD_BYTES,
    HEADERS,
    PADDED,
    PING,
    PING_ACK,
    PREFACE,
    PRIORITIZED,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
)

MOST_BYTES = 64 * 1024
"""Bytes that a client may send before its first request is complete."""

_LARGEST_FRAME = 16 * 1024
"""Bytes of a payload, by the defaults that empty settings leave."""

_LONGEST_BLOCK = 16 * 1024
"""Bytes of headers, compressed. gRPC's servers refuse as many of decompressed ones."""

_ONLY_AFTER_A_REQUEST = {DATA, RST_STREAM, PUSH_PROMISE, CONTINUATION}
_HTTP_1 = re.compile(rb"[A-Z]+ ")


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


class SecureOpening:
    """The reader of what a client sends first that speaks TLS; see `Opening`."""

    answers = bytearray()
    rest = b""
    given_acks = awaited_acks = 0
    greeted = False
    takes = "gRPC over TLS"

    def __init__(self) -> None:
        self.replay = bytearray()
        self.host = ""
        self._hello = hello.Hello()

    def feed(self, data: bytes | memoryview) -> bool:
        """Read on; return whether the host is known, if the client names any.

        Raises:
            OtherProtocol: the bytes are not TLS, or too many for its first message.
        """
        self.replay += data
        if self.replay[0] != hello.HANDSHAKE:
            is_http_2 = PREFACE.startswith(self.replay[: len(PREFACE)])
            raise OtherProtocol("HTTP/2 without TLS" if is_http_2 else "another protocol")
        try:
            found = self._hello.feed(data)
        except hello.Malformed:
            raise OtherProtocol("a TLS that cannot be read") from None
        if found is None and len(self.replay) > MOST_BYTES:
            raise OtherProtocol("a TLS whose first message does not end")
        self.host = found or ""
        return found is not None


class Opening:
    """The reader of what a client sends first.

    Attributes:
        answers: what is to be sent to the client now; the caller sends and clears it.
        replay: the frames for the server, all but those that were answered here.
        given_acks: the acknowledgements that the client has had, which the server repeats.
        awaited_acks: the acknowledgements that the client still owes.
        takes: what is read, for people.
    """

    takes = "gRPC without TLS"

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
    def host(self) -> str:
        """The host of the first request; empty if it names none."""
        return host_of(self._authority or b"")

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
            if start[0] == hello.HANDSHAKE:
                raise OtherProtocol("TLS")
            raise OtherProtocol("HTTP/1" if _HTTP_1.match(start) else "another protocol")
        if len(start) < len(PREFACE):
            return False
        self.replay += PREFACE
        self.answers += EMPTY_SETTINGS
        return True

    def _end_of_frame(self, at: int) -> int:
        """The end of the frame at an offset; 0 if it is not there yet."""
        if len(self._rest) < at + HEAD_BYTES:
            return 0
        length = int.from_bytes(self._rest[at : at + 3], "big")
        if length > _LARGEST_FRAME:
            raise Refused(FRAME_SIZE_ERROR, f"a frame of {length} bytes")
        end = at + HEAD_BYTES + length
        return end if len(self._rest) >= end else 0

    def _take(self, frame: bytes) -> None:
        kind, flags = frame[3], frame[4]
        stream = int.from_bytes(frame[5:HEAD_BYTES], "big") & 0x7FFFFFFF
        if not self.greeted and (kind != SETTINGS or flags & ACK):
            raise Refused(PROTOCOL_ERROR, "the first frame has no settings")
        if self._block is not None:
            if (kind, stream) != (CONTINUATION, self._stream):
                raise Refused(PROTOCOL_ERROR, "headers that do not end")
            self._continue(frame[HEAD_BYTES:], flags)
        elif kind == HEADERS:
            self._begin(frame[HEAD_BYTES:], flags, stream)
        elif kind in _ONLY_AFTER_A_REQUEST:
            raise Refused(PROTOCOL_ERROR, f"a frame of type {kind} before a request")
        elif kind == SETTINGS and self._answered_settings(frame, flags, stream):
            return
        elif kind == PING and not flags & ACK:
            # The server is not told, or it would answer again.
            _expect(len(frame) == HEAD_BYTES + 8, FRAME_SIZE_ERROR, "a ping that is not 8 bytes")
            _expect(stream == 0, PROTOCOL_ERROR, "a ping of a stream")
            self.answers += PING_ACK + frame[HEAD_BYTES:]
            return
        self.replay += frame

    def _answered_settings(self, frame: bytes, flags: int, stream: int) -> bool:
        """Answer settings; returns whether the frame ends here."""
        _expect(stream == 0, PROTOCOL_ERROR, "settings of a stream")
        if not flags & ACK:
            _expect(len(frame) % 6 == HEAD_BYTES % 6, FRAME_SIZE_ERROR, "settings of an odd length")
            self.given_acks += 1
            self.answers += SETTINGS_ACK
            return False
        _expect(len(frame) == HEAD_BYTES, FRAME_SIZE_ERROR, "an acknowledgement with settings")
        _expect(self.awaited_acks > 0, PROTOCOL_ERROR, "an acknowledgement of no settings")
        self.awaited_acks -= 1
        return True

    def _begin(self, payload: bytes, flags: int, stream: int) -> None:
        _expect(stream % 2 == 1, PROTOCOL_ERROR, f"a request on stream {stream}")
        self._stream = stream
        self._block = bytearray()
        start = 5 if flags & PRIORITIZED else 0
        end = len(payload)
        if flags & PADDED:
            _expect(bool(payload), FRAME_SIZE_ERROR, "headers without the length of their padding")
            start += 1
            end -= payload[0]
        _expect(start <= end, PROTOCOL_ERROR, "headers with more padding than bytes")
        self._continue(payload[start:end], flags)

    def _continue(self, part: bytes, flags: int) -> None:
        assert self._block is not None
        self._block += part
        # To decode them takes longer than to send them, and all connections wait meanwhile.
        _expect(
            len(self._block) <= _LONGEST_BLOCK,
            ENHANCE_YOUR_CALM,
            f"headers of more than {_LONGEST_BLOCK} bytes",
        )
        if flags & END_HEADERS:
            try:
                self._authority = authority_in(bytes(self._block))
            except Malformed:
                raise Refused(COMPRESSION_ERROR, "headers that cannot be decoded") from None


def _expect(holds: bool, code: int, otherwise: str) -> None:
    if not holds:
        raise Refused(code, otherwise)
