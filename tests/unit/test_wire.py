"""Frames: what goes in comes out, and what is not a frame is recognised."""

from __future__ import annotations

from typing import Any

import pytest

from codeserver import wire
from codeserver.errors import ProtocolError
from codeserver.wire import Frame


def read_back(data: bytes) -> Frame:
    """What a reader that knows only the layout makes of the bytes."""
    header_size, body_size = wire.decode_prefix(data[: wire.PREFIX_SIZE])
    rest = data[wire.PREFIX_SIZE :]
    assert len(rest) == header_size + body_size, "the prefix says how long the rest is"
    return wire.decode(rest[:header_size], rest[header_size:])


@pytest.mark.parametrize(
    "frame",
    [
        Frame(),
        Frame({"kind": "x"}),
        Frame({}, b"body only"),
        Frame({"kind": "x", "n": None, "list": [1, 2.5, True], "map": {"a": {"b": []}}}, b"\0"),
        Frame({"text": 'é€😀\n"\\\u0000\ud800'}, "é€😀".encode()),
        Frame({"kind": "large header", "text": "x" * 1_000_000}),
        Frame({"kind": "large body"}, bytes(range(256)) * 20_000),
        Frame({"kind": "looks like a frame"}, wire.encode(Frame({"kind": "inner"}, b"body"))),
    ],
    ids=lambda frame: frame.kind or repr(frame.body),
)
def test_a_frame_survives(frame: Frame) -> None:
    assert read_back(wire.encode(frame)) == frame


def test_the_layout_is_fixed() -> None:
    """Both ends may be different releases of Python, so nothing of a frame depends on one."""
    data = wire.encode(Frame({"kind": "é", "n": 1}, b"body"))
    header = b'{"kind":"\\u00e9","n":1}'
    assert data == bytes([0, 0, 0, len(header), 0, 0, 0, 0, 0, 0, 0, 4]) + header + b"body"
    assert wire.PREFIX_SIZE == 12


@pytest.mark.parametrize(
    ("header", "kind"), [({}, ""), ({"kind": "fork"}, "fork"), ({"kind": None}, "None")]
)
def test_every_frame_has_a_kind(header: dict[str, Any], kind: str) -> None:
    assert Frame(header).kind == kind


def prefix(header_size: int, body_size: int) -> bytes:
    return header_size.to_bytes(4, "big") + body_size.to_bytes(8, "big")


@pytest.mark.parametrize(
    "sizes",
    [(0, 0), (1, 2), (wire.MAX_HEADER, 0), (0, wire.MAX_BODY), (wire.MAX_HEADER, wire.MAX_BODY)],
)
def test_lengths_within_the_limits(sizes: tuple[int, int]) -> None:
    assert wire.decode_prefix(prefix(*sizes)) == sizes


@pytest.mark.parametrize(
    "data",
    [
        prefix(wire.MAX_HEADER + 1, 0),
        prefix(0, wire.MAX_BODY + 1),
        prefix(2**32 - 1, 2**64 - 1),
        b"Traceback (m",
        b"\xff" * 12,
    ],
)
def test_lengths_beyond_the_limits(data: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"not a frame: header of \d+, body of \d+ bytes"):
        wire.decode_prefix(data)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"not json",
        b'{"kind": "x"} and more',
        b'"kind"',
        b"[]",
        b"null",
        b"1",
        b"\xff\xfe\xfd",
        b'{"kind": "\xff"}',
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda header: repr(header[:20]),
)
def test_a_header_that_is_not_a_json_object(header: bytes) -> None:
    with pytest.raises(ProtocolError, match="frame header is not"):
        wire.decode(header, b"")
