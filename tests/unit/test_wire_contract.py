"""Our description of Dagster's protocol is Dagster's: same names, same numbers, same bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dagster._grpc.__generated__ import dagster_api_pb2 as theirs
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2 as grpc_health_pb2

from codeserver.dagster_wire import dagster_api_pb2 as ours
from codeserver.health_wire import health_pb2

File = descriptor_pb2.FileDescriptorProto

SERVICE = "DagsterApi"
MESSAGES = sorted(theirs.DESCRIPTOR.message_types_by_name)

# One telling value per field type: more than one byte long, not the default, at the limits.
VALUES: dict[int, Any] = {
    FieldDescriptor.TYPE_STRING: '{"__class__": "Snap", "n": "é€😀\u0000"}' * 20,
    FieldDescriptor.TYPE_BYTES: bytes(range(256)),
    FieldDescriptor.TYPE_BOOL: True,
    FieldDescriptor.TYPE_INT32: -(2**31),
}


def file_of(module: Any) -> File:
    file = File()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def contract(file: File) -> set[tuple[object, ...]]:
    """Everything about a file that the other side of the wire depends on, one fact per item."""
    facts: set[tuple[object, ...]] = {("syntax", file.syntax)}
    for service in file.service:
        for rpc in service.method:
            streams = (rpc.client_streaming, rpc.server_streaming)
            path = f"/{file.package}.{service.name}/{rpc.name}"
            facts.add(("rpc", path, rpc.input_type, rpc.output_type, *streams))
    for message in file.message_type:
        name = f"{file.package}.{message.name}"
        facts.add(("message", name, len(message.nested_type), len(message.oneof_decl)))
        for field in message.field:
            what = (field.name, field.number, field.type, field.label, field.type_name)
            facts.add(("field", name, *what, field.proto3_optional))
    return facts


def fields(message: Message) -> list[descriptor_pb2.FieldDescriptorProto]:
    descriptor = descriptor_pb2.DescriptorProto()
    message.DESCRIPTOR.CopyToProto(descriptor)
    return list(descriptor.field)


def filled(module: Any, name: str) -> Message:
    """A message with every field set."""
    message: Message = getattr(module, name)()
    for field in fields(message):
        if field.label == FieldDescriptor.LABEL_REPEATED:
            getattr(message, field.name).extend([VALUES[field.type]] * 2)
        else:
            setattr(message, field.name, VALUES[field.type])
    return message


def values(message: Message) -> dict[str, object]:
    return {field.name: getattr(message, field.name) for field in fields(message)}


def test_the_contract_is_the_installed_dagsters() -> None:
    mine, dagsters = contract(file_of(ours)), contract(file_of(theirs))
    assert not dagsters - mine, "Dagster has this, we do not"
    known = {fact[1] for fact in dagsters}  # older releases do not have every RPC
    more = {fact for fact in mine - dagsters if fact[1] in known}
    assert not more, "we have this, Dagster does not"


def test_health_checks_are_those_of_grpc() -> None:
    mine, grpcs = contract(file_of(health_pb2)), contract(file_of(grpc_health_pb2))
    assert not grpcs - mine, "gRPC has this, we do not"
    # Releases differ in nothing else.
    assert all("List" in str(fact) or "Statuses" in str(fact) for fact in mine - grpcs)


def test_the_contract_is_the_whole_of_it() -> None:
    kinds = [str(fact[0]) for fact in contract(file_of(ours))]
    assert ours.DESCRIPTOR.services_by_name[SERVICE].full_name == "api.DagsterApi"
    assert kinds.count("rpc") == 28
    assert kinds.count("message") == len(ours.DESCRIPTOR.message_types_by_name)


def change_number(file: File) -> None:
    file.message_type[1].field[0].number = 15


def change_name(file: File) -> None:
    file.message_type[1].field[0].name += "o"


def change_type(file: File) -> None:
    file.message_type[1].field[0].type = FieldDescriptor.TYPE_BYTES  # type: ignore[assignment]


def change_label(file: File) -> None:
    file.message_type[1].field[0].label = FieldDescriptor.LABEL_REPEATED  # type: ignore[assignment]


def drop_field(file: File) -> None:
    del file.message_type[1].field[0]


def drop_message(file: File) -> None:
    del file.message_type[0]


def rename_rpc(file: File) -> None:
    file.service[0].method[0].name += "s"


def change_reply(file: File) -> None:
    file.service[0].method[0].output_type = ".api.Empty"


def change_stream(file: File) -> None:
    file.service[0].method[0].server_streaming = True


def rename_package(file: File) -> None:
    file.package = "api.v1"


@pytest.mark.parametrize(
    "change",
    [
        change_number,
        change_name,
        change_type,
        change_label,
        drop_field,
        drop_message,
        rename_rpc,
        change_reply,
        change_stream,
        rename_package,
    ],
)
def test_the_comparison_notices(change: Callable[[File], None]) -> None:
    file = file_of(ours)
    change(file)
    assert contract(file) != contract(file_of(ours))


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize(
    ("writer", "reader"), [(ours, theirs), (theirs, ours)], ids=["we write", "Dagster writes"]
)
def test_bytes_of_one_side_are_read_by_the_other(name: str, writer: Any, reader: Any) -> None:
    written = filled(writer, name)
    data = written.SerializeToString()
    read = getattr(reader, name).FromString(data)
    assert values(read) == values(written) == values(filled(reader, name))
    assert read.SerializeToString() == data
    assert bool(data) == bool(fields(written)), "every field leaves bytes"


def test_handlers_can_be_made_from_the_service_descriptor() -> None:
    for rpc in ours.DESCRIPTOR.services_by_name[SERVICE].methods:
        for descriptor in (rpc.input_type, rpc.output_type):
            message = message_factory.GetMessageClass(descriptor)
            assert message is getattr(ours, descriptor.name)
            assert message.__module__ == ours.__name__
