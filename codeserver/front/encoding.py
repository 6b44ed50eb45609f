"""Protobuf messages with one long string, encoded and decoded without parsing the string.

A snapshot arrives as UTF-8 bytes and leaves as a field of a message. A generated message would
decode and encode these megabytes for nothing. The wire format is described at
https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT = 0
_LENGTH_DELIMITED = 2
_LONGEST_VARINT = 10

CHUNK_CHARACTERS = 4_000_000
"""Characters in one message of a stream (`STREAMING_CHUNK_SIZE` in `dagster._grpc.server`)."""


def string_field(number: int, value: bytes) -> bytes:
    """An encoded field of type string or bytes; empty for an empty value, as in proto3."""
    if not value:
        return b""
    return b"".join((_tag(number, _LENGTH_DELIMITED), _varint(len(value)), value))


def only_string(message: bytes) -> memoryview | None:
    """A view of the string in a message that has only field 1, without a copy.

    None for a message that has other fields, or is encoded in another way.
    """
    if not message:
        return memoryview(b"")
    for at in range(2, 2 + _LONGEST_VARINT):
        if message[:at] == _tag(1, _LENGTH_DELIMITED) + _varint(max(0, len(message) - at)):
            return memoryview(message)[at:]
    return None


def int_field(number: int, value: int) -> bytes:
    """An encoded field of type int32 with a value that is not negative; empty for zero."""
    return _tag(number, _VARINT) + _varint(value) if value else b""


def chunk_messages(text: bytes) -> list[bytes]:
    """Messages with a `sequence_number` (field 1) and a chunk of the text (field 2)."""
    return [
        int_field(1, number) + string_field(2, chunk) for number, chunk in enumerate(_chunks(text))
    ]


def _chunks(text: bytes) -> Iterator[bytes]:
    if text.isascii():
        for start in range(0, len(text), CHUNK_CHARACTERS):
            yield text[start : start + CHUNK_CHARACTERS]
    else:
        characters = text.decode()
        for start in range(0, len(characters), CHUNK_CHARACTERS):
            yield characters[start : start + CHUNK_CHARACTERS].encode()


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
