"""Dagster's gRPC service, as its generated module and codeserver's twin describe it.

The worker side imports neither gRPC nor protobuf. So this reads the serialized descriptors in the
two modules, whose format is that of `google/protobuf/descriptor.proto`.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from codeserver.marks import OWN_FOLDER

_MODULE = "dagster_api_pb2.py"
_TWIN = os.path.join(OWN_FOLDER, "dagster_wire", _MODULE)

# Numbers of fields in descriptor.proto.
_MESSAGE_TYPE, _SERVICE = 4, 6  # FileDescriptorProto
_NAME, _FIELD, _METHOD = 1, 2, 2  # DescriptorProto, ServiceDescriptorProto
_NUMBER, _LABEL, _TYPE = 3, 4, 5  # FieldDescriptorProto


@dataclass
class Contract:
    """What a module describes.

    Attributes:
        rpcs: the names of the RPCs.
        fields: number, label and type of each field, by `Message.field`.
    """

    rpcs: set[str] = field(default_factory=set)
    fields: dict[str, tuple[int, int, int]] = field(default_factory=dict)


def differences(dagster_folder: str) -> list[str]:
    """What the installed Dagster's service has that codeserver's has not, in words."""
    try:
        theirs = read(os.path.join(dagster_folder, "_grpc", "__generated__", _MODULE))
    except (OSError, ValueError):
        return ["its gRPC service cannot be read"]
    ours = read(_TWIN)
    found = [
        f"codeserver does not answer its RPC {name}" for name in sorted(theirs.rpcs - ours.rpcs)
    ]
    for name, what in sorted(theirs.fields.items()):
        if name not in ours.fields:
            found.append(f"codeserver does not know the field {name}")
        elif ours.fields[name] != what:
            found.append(f"the field {name} has changed")
    return found


def read(path: str) -> Contract:
    """The contract in a generated module.

    Raises:
        OSError: it cannot be read.
        ValueError: it has no descriptor.
    """
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes) and node.value:
            return _contract(node.value)
    raise ValueError(f"{path} has no descriptor")


def _contract(file: bytes) -> Contract:
    found = Contract()
    for number, value in _fields(file):
        if number == _SERVICE and isinstance(value, bytes):
            found.rpcs |= {_name(each) for each in _parts(value, _METHOD)}
        elif number == _MESSAGE_TYPE and isinstance(value, bytes):
            for each in _parts(value, _FIELD):
                facts = dict(_fields(each))
                what = tuple(int(facts.get(key, 0)) for key in (_NUMBER, _LABEL, _TYPE))
                found.fields[f"{_name(value)}.{_name(each)}"] = what  # type: ignore[assignment]
    return found


def _parts(message: bytes, wanted: int) -> Iterator[bytes]:
    for number, value in _fields(message):
        if number == wanted and isinstance(value, bytes):
            yield value


def _name(message: bytes) -> str:
    return next(_parts(message, _NAME)).decode()


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The numbers and values of the fields; see the encoding of protocol buffers."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
        elif kind == 2:
            length, at = _varint(message, at)
            yield number, message[at : at + length]
            at += length
        else:
            at += {1: 8, 5: 4}[kind]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
