"""Headers of HTTP/2: the part of HPACK (RFC 7541) that a probe needs.

There is no dynamic table; the probe has told the server so in its settings. Of compressed texts,
only those that matter to a probe are understood.
"""

from __future__ import annotations

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from collections.abc import Iterator

_STATIC_TABLE = 61

_HUFFMAN = {
    bytes.fromhex("9acac8b21234da8f"): b"grpc-status",
    b"\x07": b"0",
    b"\x10\x01": b"200",
}

Text = bytes | None
"""None is a compressed text that a probe does not understand."""

Field = tuple[int | Text, Text]
"""A name and a value. A name of the static table is its index. A value of the static table is None.
"""


class Malformed(Exception):
    """The bytes are no headers, or they refer to a dynamic table."""


def header(name: int | bytes, value: bytes) -> bytes:
    """A header that does not enter a dynamic table; a number is the index of a static name."""
    first = _integer(name, 4) if isinstance(name, int) else b"\x00" + _string(name)
    return first + _string(value)


def _string(text: bytes) -> bytes:
    return _integer(len(text), 7) + text


def _integer(value: int, bits: int) -> bytes:
    """The number in HPACK's form; the other bits of its first byte are 0."""
    most = (1 << bits) - 1
    return bytes((value,)) if value < most else bytes((most,)) + varint(value - most)


def varint(value: int) -> bytes:
    """The number in protobuf's form, a varint."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))


def fields(block: bytes) -> Iterator[Field]:
    """The headers of a block; a name or header of the static table is its index."""
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _read_integer(block, at, 7)
            yield _checked(index), None
            continue
        if first & 0xE0 == 0x20:  # the size of the dynamic table, which is unused
            _, at = _read_integer(block, at, 5)
            continue
        index, at = _read_integer(block, at, 6 if first & 0x40 else 4)
        name: int | Text
        if index:
            name = _checked(index)
        else:
            name, at = _read_string(block, at)
        value, at = _read_string(block, at)
        yield name, value


def _checked(index: int) -> int:
    if not 0 < index <= _STATIC_TABLE:
        raise Malformed
    return index


def _read_string(block: bytes, at: int) -> tuple[Text, int]:
    is_compressed = block[at] & 0x80
    size, at = _read_integer(block, at, 7)
    text, at = block[at : at + size], at + size
    if at > len(block):
        raise Malformed
    return (_HUFFMAN.get(text) if is_compressed else text), at


def _read_integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value, at = block[at] & most, at + 1
    if value < most:
        return value, at
    for shift in range(0, 28, 7):
        part, at = block[at], at + 1
        value += (part & 0x7F) << shift
        if part < 0x80:
            return value, at
    raise Malformed
