"""gRPC server reflection, so that clients need no proto files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection, reflection_pb2

from codeserver.api import error_details
from codeserver.api.v1 import code_location_pb2
from codeserver.dagster_wire import dagster_api_pb2
from codeserver.front.access.rule import Rule
from codeserver.front.handlers import checked_stream
from codeserver.health_wire import health_pb2

_FILES: tuple[FileDescriptor, ...] = (
    code_location_pb2.DESCRIPTOR,
    dagster_api_pb2.DESCRIPTOR,
    *([] if error_details.unusable else [error_details.BadRequest.DESCRIPTOR.file]),
    health_pb2.DESCRIPTOR,
    reflection_pb2.DESCRIPTOR,
)
"""The services, and the messages in error details. They are in several descriptor pools."""


_RPC = "ServerReflectionInfo"


def handlers(rule: Rule) -> grpc.GenericRpcHandler:
    """The handlers of reflection of every service, for callers who may see the definitions."""
    names = [name for file in _FILES for name in _services(file)]
    method = reflection.aio.ReflectionServicer(names, pool=_pool(_FILES)).ServerReflectionInfo
    if (check := rule.check_of(_RPC)) is not None:
        method = checked_stream(method, _RPC, check)
    handler = grpc.stream_stream_rpc_method_handler(
        method,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(reflection.SERVICE_NAME, {_RPC: handler})


def _services(file: FileDescriptor) -> list[str]:
    return [service.full_name for service in file.services_by_name.values()]


class _FindsMethods:
    """A descriptor pool that also finds methods; protobuf's fast implementation does not."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:
        """The file that defines the symbol.

        Raises:
            KeyError: no file defines it.
        """
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            parent, _, name = symbol.rpartition(".")
            service = self._pool.FindServiceByName(parent)
            return service.methods_by_name[name].containing_service.file


def _pool(files: Iterable[FileDescriptor]) -> _FindsMethods:
    pool = DescriptorPool()
    added: set[str] = set()
    for file in files:
        _add(pool, file, added)
    return _FindsMethods(pool)


def _add(pool: DescriptorPool, file: FileDescriptor, added: set[str]) -> None:
    """Add a file to the pool, after its dependencies."""
    if file.name in added:
        return
    added.add(file.name)
    for dependency in file.dependencies:
        _add(pool, dependency, added)
    copy = FileDescriptorProto()
    file.CopyToProto(copy)
    pool.Add(copy)
