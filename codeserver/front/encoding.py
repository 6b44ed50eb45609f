"""Protobuf messages of one long string, made without parsing the string.

A snapshot arrives as UTF-8 bytes and leaves as a field of a message. Assigning it to a generated
message and serializing that would decode and encode megabytes for nothing. The wire format is
that of https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT = 0
_LENGTH_DELIMITED = 2
_LONGEST_VARINT = 10

CHUNK_CHARACTERS = 4_000_000
"""Characters in one message of a stream (`STREAMING_CHUNK_SIZE` in `dagster._grpc.server`)."""


def string_field(number: int, value: bytes) -> bytes:
    """A field of type string or bytes; nothing for an empty value, as proto3 has it."""
    if not value:
        return b""
    return b"".join((_tag(number, _LENGTH_DELIMITED), _varint(len(value)), value))


def only_string(message: bytes) -> memoryview | None:
    """The value in a message that has field 1, a string, and nothing else; not a copy of it.

    None for a message that is written in another way, or has other fields.
    """
    if not message:
        return memoryview(b"")
    for at in range(2, 2 + _LONGEST_VARINT):
        if message[:at] == _tag(1, _LENGTH_DELIMITED) + _varint(max(0, len(message) - at)):
            return memoryview(message)[at:]
    return None


def int_field(number: int, value: int) -> bytes:
    """A field of type int32 with a value that is not negative; nothing for zero."""
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
