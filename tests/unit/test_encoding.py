"""Messages made by hand are, byte for byte, the messages that protobuf makes."""

from __future__ import annotations

from typing import Any

import pytest
from dagster._grpc import server as stock
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from codeserver.dagster_wire import dagster_api_pb2 as pb
from codeserver.front import encoding
from codeserver.front.encoding import chunk_messages, int_field, only_string, string_field

Field = descriptor_pb2.FieldDescriptorProto
FIELD_NUMBERS = [1, 2, 15, 16, 2047, 2048]
LENGTHS = [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152]


def made_up_message() -> Any:
    """A message class with a string `s<n>` or an integer `i<n>` for each field number."""
    file = descriptor_pb2.FileDescriptorProto(name="m.proto", package="m", syntax="proto3")
    message = file.message_type.add(name="M")
    for number in FIELD_NUMBERS:
        message.field.add(
            name=f"s{number}", number=number, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL
        )
        message.field.add(
            name=f"i{number}",
            number=number + 10_000,
            type=Field.TYPE_INT32,
            label=Field.LABEL_OPTIONAL,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("m.M"))


M = made_up_message()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("message", ["ListRepositoriesReply", "ExternalJobReply"])
def test_string_field(message: str, length: int) -> None:
    make = getattr(pb, message)
    [name] = [field.name for field in make.DESCRIPTOR.fields if field.number == 1]
    text = "x" * length
    assert string_field(1, text.encode()) == make(**{name: text}).SerializeToString()


@pytest.mark.parametrize("text", ["", "é", "€" * 42, "€" * 43, "😀" * 5000, "\0\n"])
def test_string_field_counts_bytes(text: str) -> None:
    message = pb.ListRepositoriesReply(serialized_list_repositories_response_or_error=text)
    assert string_field(1, text.encode()) == message.SerializeToString()


@pytest.mark.parametrize("length", LENGTHS)
def test_the_only_string_of_a_message(length: int) -> None:
    message = M(s1="x" * length).SerializeToString()
    found = only_string(message)
    assert found == b"x" * length
    assert not message or found.obj is message, "it is not a copy"


@pytest.mark.parametrize(
    "message",
    [
        M(s2="text").SerializeToString(),
        M(s1="text", s2="text").SerializeToString(),
        M(s1="text").SerializeToString() * 2,
        M(s1="text").SerializeToString()[:-1],
        b"\n",
        b"\n" + b"\xff" * 20,
    ],
)
def test_other_messages_are_for_protobuf_to_read(message: bytes) -> None:
    assert only_string(message) is None


@pytest.mark.parametrize("number", FIELD_NUMBERS)
def test_field_numbers(number: int) -> None:
    assert string_field(number, b"text") == M(**{f"s{number}": "text"}).SerializeToString()
    assert int_field(number + 10_000, 7) == M(**{f"i{number}": 7}).SerializeToString()


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 16_383, 16_384, 2_097_152, 2**31 - 1])
def test_int_field(value: int) -> None:
    message = pb.StreamingPingEvent(sequence_number=value)
    assert int_field(1, value) == message.SerializeToString()


def by_protobuf(text: str, size: int) -> list[bytes]:
    """The stream as stock sends it."""
    return [
        pb.StreamingExternalRepositoryEvent(
            sequence_number=number,
            serialized_external_repository_chunk=text[number * size : (number + 1) * size],
        ).SerializeToString()
        for number in range(-(-len(text) // size))
    ]


@pytest.mark.parametrize("alphabet", ["x", "aé€😀"], ids=["ascii", "not ascii"])
@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 20, 21, 1999, 2000])
def test_chunks(monkeypatch: pytest.MonkeyPatch, length: int, alphabet: str) -> None:
    monkeypatch.setattr(encoding, "CHUNK_CHARACTERS", 10)
    text = (alphabet * length)[:length]
    assert chunk_messages(text.encode()) == by_protobuf(text, 10)


@pytest.mark.parametrize("alphabet", ["0123456789", "12345678€9"], ids=["ascii", "not ascii"])
def test_chunks_are_as_long_as_stock_makes_them(alphabet: str) -> None:
    text = alphabet * 400_001
    messages = chunk_messages(text.encode())
    assert messages == by_protobuf(text, stock.STREAMING_CHUNK_SIZE)
    assert len(messages) == 2


def test_clients_put_chunks_together_again() -> None:
    events = pb.StreamingChunkEvent  # the other streams; their messages have the same two fields
    text = "é" * (encoding.CHUNK_CHARACTERS + 1)
    read = [events.FromString(message) for message in chunk_messages(text.encode())]
    assert [event.sequence_number for event in read] == [0, 1]
    assert "".join(event.serialized_chunk for event in read) == text
