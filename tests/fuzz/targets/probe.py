"""The reply to a probe, of which it knows only that some program has sent it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

from codeserver.probe import asking, hpack
from codeserver.probe.asking import NotServing, NotSure
from tests.fuzz.targets import pieces
from tests.unit.http2_frames import ACK, CONTINUATION, DATA, EMPTY, HEADERS_TYPE, PING_FRAME, frame

_STATUS = hpack.header(8, b"200") + hpack.header(31, b"application/grpc")
_TRAILERS = hpack.header(b"grpc-status", b"0") + hpack.header(b"server-id", b"abc")
_SERVING = frame(DATA, b"\0\0\0\0\2\x08\1", stream=1)
_NOT_SERVING = frame(DATA, b"\0\0\0\0\2\x08\2", stream=1)
_BEGIN = EMPTY + ACK + PING_FRAME + frame(HEADERS_TYPE, _STATUS, flags=4, stream=1)
_END = frame(HEADERS_TYPE, _TRAILERS, flags=5, stream=1)

SEEDS = [
    b"\0" + _BEGIN + _SERVING + _END,
    b"\1" + _BEGIN + _NOT_SERVING + _END,
    b"\2"
    + EMPTY
    + frame(HEADERS_TYPE, b"\2\0\0\0\0\x10\x88\0\0", flags=4 | 8 | 32, stream=1)
    + frame(DATA, b"\1\0\0\0\0\2\x08\1\0", flags=8, stream=1)
    + frame(HEADERS_TYPE, _TRAILERS[:5], flags=1, stream=1)
    + frame(CONTINUATION, _TRAILERS[5:], flags=4, stream=1),
    b"\3"
    + EMPTY
    + frame(HEADERS_TYPE, b"\x88\x40\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x01\x07", flags=5),
]

_MOST_BYTES = 100_000


def check(data: bytes) -> None:
    """However it is cut, it means the same; and it is never read without end."""
    seed, reply = data[:1], data[1:]
    if not seed:
        return
    whole = _read(iter([reply]) if reply else iter([]))
    assert whole == _read(pieces(reply, seed[0]))
    if reply:
        taken = 0

        def endless() -> Iterator[bytes]:
            nonlocal taken
            for piece in cycle(pieces(reply * (1 + 999 // len(reply)), seed[0])):
                taken += len(piece)
                assert taken < _MOST_BYTES
                yield piece

        _read(endless())
    _check_fields(reply)


def _read(received: Iterator[bytes]) -> object:
    def receive() -> bytes:
        for piece in received:
            return piece
        raise NotSure

    sent: list[bytes] = []
    take: Callable[[bytes], object] = sent.append
    try:
        found = asking._Reply(receive, take).trailers()
    except NotServing:
        return "NOT_SERVING"
    except (NotSure, hpack.Malformed, IndexError):
        return "not sure"
    assert all(isinstance(each, str) for pair in found.items() for each in pair)
    return found


def _check_fields(block: bytes) -> None:
    try:
        found = list(hpack.fields(block))
    except (hpack.Malformed, IndexError):
        return
    # What can be written is read as it was written.
    plain = [(name, value) for name, value in found if name is not None and value is not None]
    written = b"".join(hpack.header(name, value) for name, value in plain)
    assert list(hpack.fields(written)) == plain
