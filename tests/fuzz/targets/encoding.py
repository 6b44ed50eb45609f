"""Arguments of requests, as the front reads them."""

from __future__ import annotations

import json

from google.protobuf.message import DecodeError

from codeserver.dagster_wire import dagster_api_pb2 as pb
from codeserver.errors import InvalidRequest
from codeserver.front import dagster_json
from codeserver.front.encoding import chunk_messages, only_string, string_field

_ARGUMENT = json.dumps(
    {
        "__class__": "SensorExecutionArgs",
        "cursor": 'a "timeout": 5',
        "repository_origin": {"repository_name": "defs"},
        "sensor_name": "nightly",
        "timeout": 60,
    }
).encode()
_NAMES = ("sensor_name", "repository_origin", "timeout")

SEEDS = [
    b"\0" + string_field(1, _ARGUMENT),
    b"\0" + string_field(1, b"") + string_field(2, b"x"),
    b"\1" + _ARGUMENT,
    b"\2" + "ü€𝄞".encode(),
    b"\1" + b"[" * 100,
]


def check(data: bytes) -> None:
    """What is read without parsing is what protobuf and JSON read."""
    kind, rest = data[:1], data[1:]
    if kind == b"\0":
        _check_string(rest)
    elif kind == b"\1":
        _check_fields(rest)
    elif kind:
        _check_chunks(rest)


def _check_string(message: bytes) -> None:
    found = only_string(message)
    if found is None:
        return
    try:
        request = pb.ExternalSensorExecutionRequest.FromString(message)
    except DecodeError:
        assert not _is_utf_8(bytes(found))
        return
    (field,) = request.DESCRIPTOR.fields
    assert getattr(request, field.name).encode() == bytes(found)


def _check_fields(argument: bytes) -> None:
    found = dagster_json.short_fields(memoryview(argument), _NAMES)
    assert set(found) <= set(_NAMES)
    text = argument.decode(errors="replace")
    try:
        fields = dagster_json.read(text, "SensorExecutionArgs")
    except InvalidRequest as error:
        assert "\n" not in str(error)
        return
    assert isinstance(fields, dict)
    try:
        assert "/" in dagster_json.job_name(text) or not dagster_json.job_name(text)
        dagster_json.read_string(text, "SensorExecutionArgs", "sensor_name")
    except InvalidRequest:
        pass


def _check_chunks(content: bytes) -> None:
    if _is_utf_8(content):
        events = [
            pb.StreamingExternalRepositoryEvent.FromString(each) for each in chunk_messages(content)
        ]
        chunks = "".join(each.serialized_external_repository_chunk for each in events)
        assert chunks.encode() == content
        assert [each.sequence_number for each in events] == list(range(len(events)))


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
