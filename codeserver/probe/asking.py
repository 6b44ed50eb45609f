"""Asks a server for its health over a bare socket: the import of gRPC would take much longer.

It speaks as much HTTP/2 (RFC 9113) and HPACK (RFC 7541) as one call of
`grpc.health.v1.Health/Check` needs, and accepts only a complete reply of SERVING or NOT_SERVING.
Everything else is left to a real gRPC client.
"""

from __future__ import annotations

import socket
import time

from codeserver.probe.hpack import Malformed, fields, header, varint

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codeserver.probe.hpack import Field

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PUSH_PROMISE = 0x0, 0x1, 0x3, 0x4, 0x5
_PING, _GOAWAY, _CONTINUATION = 0x6, 0x7, 0x9
_END_STREAM = _ACK = 0x1
_END_HEADERS, _PADDED, _WITH_PRIORITY = 0x4, 0x8, 0x20
_STREAM = 1

# No dynamic table, so that every header is complete in itself; no pushes.
_OUR_SETTINGS = b"\x00\x01\x00\x00\x00\x00" + b"\x00\x02\x00\x00\x00\x00"

_LARGEST_FRAME = 16_384
_MOST_BYTES = 65_535
"""In all. So many bytes fit into the initial windows of HTTP/2, so none needs to be enlarged."""
_LONGEST_SERVICE = 1_000

_STATUS_INDEX = range(8, 15)
_SERVING, _NOT_SERVING = b"\x00\x00\x00\x00\x02\x08\x01", b"\x00\x00\x00\x00\x02\x08\x02"
"""An uncompressed message of two bytes, in which field 1 is 1 or 2."""


class NotSure(Exception):
    """The reply is not a plain SERVING."""


class NotServing(NotSure):
    """The reply is a plain NOT_SERVING."""


def ask(address: str, service: str, seconds: float) -> dict[str, str]:
    """The trailing metadata of a reply of SERVING, without compressed fields.

    Raises:
        NotSure: the reply is another one; `NotServing` if it is NOT_SERVING.
        TimeoutError: there is no reply in time.
        OSError: there is no connection.
    """
    deadline = time.monotonic() + seconds
    name = service.encode()
    if len(name) > _LONGEST_SERVICE:
        raise NotSure
    with _connected(address, seconds) as sock:
        sock.sendall(_request(address, name, seconds))

        def receive() -> bytes:
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            found = sock.recv(_LARGEST_FRAME)
            if not found:
                raise NotSure
            return found

        try:
            return _Reply(receive, sock.sendall).trailers()
        except (Malformed, IndexError):  # IndexError: a truncated header
            raise NotSure from None


def _connected(address: str, seconds: float) -> socket.socket:
    problem: OSError | None = None
    for family, where in _places(address):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(seconds)
            sock.connect(where)
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem or NotSure


def _places(address: str) -> list[tuple[int, tuple[object, ...] | str]]:
    if address.startswith("unix:"):
        return [(socket.AF_UNIX, address.removeprefix("unix:"))]
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise NotSure
    # As bytes: for text, Python applies the rules of international names, which takes longer than
    # the rest of the probe.
    found = socket.getaddrinfo(host.strip("[]").encode(), int(port), type=socket.SOCK_STREAM)
    return [(each[0], each[4]) for each in found]


def _request(address: str, service: bytes, seconds: float) -> bytes:
    authority = "localhost" if address.startswith("unix:") else address
    milliseconds = max(1, min(int(seconds * 1000), 99_999_999))
    headers = (
        b"\x83\x86"  # :method POST, :scheme http
        + header(4, b"/grpc.health.v1.Health/Check")
        + header(1, authority.encode())
        + header(31, b"application/grpc")
        + header(b"te", b"trailers")
        + header(b"grpc-timeout", b"%dm" % milliseconds)
        + header(58, b"codeserver-health")
    )
    message = b"\x0a" + varint(len(service)) + service if service else b""
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, _OUR_SETTINGS)
        + _frame(_HEADERS, _END_HEADERS, _STREAM, headers)
        + _frame(_DATA, _END_STREAM, _STREAM, b"\x00" + len(message).to_bytes(4, "big") + message)
    )


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


class _Reply:
    """Reads the reply of a server."""

    def __init__(self, receive: Callable[[], bytes], send: Callable[[bytes], object]) -> None:
        self._receive = receive
        self._send = send
        self._buffer = b""
        self._size = 0

    def trailers(self) -> dict[str, str]:
        """Read a reply of SERVING to its end, and return its trailing metadata."""
        has_headers, message = False, b""
        for kind, flags, payload in self._frames_of_the_call():
            if kind == _DATA:
                message += _unpadded(flags, payload)
                if flags & _END_STREAM or not has_headers:
                    raise NotSure
                continue
            found = list(fields(self._block(flags, payload)))
            if not flags & _END_STREAM:
                if has_headers or not _is_ok(found):
                    raise NotSure
                has_headers = True
                continue
            # A valid reply has exactly one status.
            if [value for name, value in found if name == b"grpc-status"] != [b"0"]:
                raise NotSure
            if message != _SERVING:
                raise NotServing if message == _NOT_SERVING else NotSure
            return {
                name.decode("ascii", "replace"): value.decode("ascii", "replace")
                for name, value in found
                if isinstance(name, bytes) and value is not None
            }
        raise NotSure

    def _frames_of_the_call(self) -> Iterator[tuple[int, int, bytes]]:
        """The frames HEADERS and DATA; other frames are answered or refused on the way."""
        is_first = True
        while True:
            kind, flags, stream, payload = self._frame()
            if is_first and kind != _SETTINGS:
                raise NotSure  # The server does not speak HTTP/2.
            is_first = False
            if kind in (_RST_STREAM, _PUSH_PROMISE, _GOAWAY, _CONTINUATION):
                raise NotSure
            if kind in (_DATA, _HEADERS):
                if stream != _STREAM:
                    raise NotSure
                yield kind, flags, payload
            elif kind == _SETTINGS and not flags & _ACK:
                self._send(_frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                self._send(_frame(_PING, _ACK, 0, payload))

    def _block(self, flags: int, payload: bytes) -> bytes:
        """A whole header block, which may continue in further frames."""
        block = _unpadded(flags, payload)
        if flags & _WITH_PRIORITY:
            block = block[5:]
        while not flags & _END_HEADERS:
            kind, flags, stream, payload = self._frame()
            if kind != _CONTINUATION or stream != _STREAM:
                raise NotSure
            block += payload
        return block

    def _frame(self) -> tuple[int, int, int, bytes]:
        head = self._exactly(9)
        size = int.from_bytes(head[:3], "big")
        self._size += 9 + size
        if size > _LARGEST_FRAME or self._size > _MOST_BYTES:
            raise NotSure
        stream = int.from_bytes(head[5:], "big") & 0x7FFF_FFFF
        return head[3], head[4], stream, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self._receive()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & _PADDED:
        return payload
    end = len(payload) - payload[0]
    if end < 1:
        raise NotSure
    return payload[1:end]


def _is_ok(found: list[Field]) -> bool:
    """Whether the HTTP status is 200."""
    return (8, None) in found or any(
        name in _STATUS_INDEX and value == b"200" for name, value in found
    )
