"""Frames between the front and its workers: user code can write anything into their sockets."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import codeserver.messages
from codeserver import wire
from codeserver.errors import ProtocolError
from codeserver.wire import Message

_CLASSES = [
    each
    for each in vars(codeserver.messages).values()
    if isinstance(each, type) and issubclass(each, Message) and not each.__name__.startswith("_")
]
_RAW = 255
_BETWEEN = b"\x1f"


def _example(kind: Any) -> Any:
    """A message with a value in each field; those of nested dataclasses are nested, too."""
    inner = wire._inner(kind)
    return kind(
        **{
            field.name: _example(inner[field.name])
            if field.name in inner
            else b"body"
            if field.name == "body"
            else ["a", 1, None]
            for field in dataclasses.fields(kind)
        }
    )


def _seeds(number: int, kind: Any) -> list[bytes]:
    frame = wire.encode(_example(kind))
    size, _ = wire.decode_prefix(frame[: wire.PREFIX_SIZE])
    header = json.loads(frame[wire.PREFIX_SIZE :][:size])
    values = (json.dumps(value).encode() for key, value in header.items() if key != "kind")
    return [bytes([_RAW]) + frame, bytes([number]) + _BETWEEN.join(values)]


SEEDS = [seed for number, kind in enumerate(_CLASSES) for seed in _seeds(number, kind)]


def check(data: bytes) -> None:
    """It is a message that is written as it was read, or it is refused."""
    if not data:
        return
    if data[0] == _RAW:
        _check_frame(data[1:])
    else:
        _check_message(_header(data[0], data[1:].split(_BETWEEN)), b"body")


def _header(number: int, values: list[bytes]) -> bytes:
    """A header of a message, in which the values of fields may be anything."""
    kind = _CLASSES[number % len(_CLASSES)]
    names = [each.name for each in dataclasses.fields(kind) if each.name != "body"]
    fields = (b'"%s":%s' % (name.encode(), value) for name, value in zip(names, values))  # noqa: B905
    return b'{"kind":"%s",%s}' % (kind.__name__.encode(), b",".join(fields))


def _check_frame(data: bytes) -> None:
    start, rest = data[: wire.PREFIX_SIZE], data[wire.PREFIX_SIZE :]
    if len(start) < wire.PREFIX_SIZE:
        return
    try:
        header_size, body_size = wire.decode_prefix(start)
    except ProtocolError:
        return
    assert header_size <= wire.MAX_HEADER
    assert body_size <= wire.MAX_BODY
    _check_message(rest[:header_size], rest[header_size : header_size + body_size])


def _check_message(header: bytes, body: bytes) -> None:
    try:
        message = wire.decode(header, body)
    except ProtocolError:
        return
    assert isinstance(message, Message)
    assert json.loads(header)["kind"] == type(message).__name__
    written = wire.encode(message)
    size, body_size = wire.decode_prefix(written[: wire.PREFIX_SIZE])
    assert body_size == (len(body) if hasattr(message, "body") else 0)
    body_at = wire.PREFIX_SIZE + size
    again = wire.decode(written[wire.PREFIX_SIZE : body_at], written[body_at:])
    assert wire.encode(again) == written
