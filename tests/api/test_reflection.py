"""Reflection: a client that has no proto file finds everything, as grpcurl does."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from codeserver.api.v1 import code_location_pb2
from tests.api.calling import LIMIT, Api
from tests.api.conftest import Serve

OURS, DAGSTERS = "codeserver.api.v1.CodeLocationService", "api.DagsterApi"
SERVICES = [
    DAGSTERS,
    OURS,
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
]


@pytest.fixture(scope="module")
def example(serve: Serve) -> Api:
    return serve("example")


@pytest.fixture(scope="module")
def pool(example: Api) -> DescriptorPool:
    """Descriptors that come from the server alone."""
    return DescriptorPool(ProtoReflectionDescriptorDatabase(example.channel))


def test_every_service_is_listed(example: Api) -> None:
    found = ProtoReflectionDescriptorDatabase(example.channel).get_services()

    assert sorted(found) == sorted(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_described(pool: DescriptorPool, service: str) -> None:
    descriptor = pool.FindServiceByName(service)

    assert descriptor.methods
    for method in descriptor.methods:
        assert method.input_type.full_name
        assert method.output_type.full_name


def test_our_service_is_described_as_it_is(pool: DescriptorPool) -> None:
    found = pool.FindServiceByName(OURS)

    expected = code_location_pb2.DESCRIPTOR.services_by_name["CodeLocationService"]
    assert [rpc.name for rpc in found.methods] == [rpc.name for rpc in expected.methods]
    assert len(pool.FindServiceByName(DAGSTERS).methods) == 28


@pytest.mark.parametrize(
    "symbol",
    [
        OURS,
        f"{OURS}.ListJobs",
        "codeserver.api.v1.Job",
        "codeserver.api.v1.Asset.Execution",
        "codeserver.api.v1.LoadError",
        "google.rpc.BadRequest",
        "google.rpc.ResourceInfo",
        DAGSTERS,
        f"{DAGSTERS}.Ping",
        "api.PingRequest",
        "google.protobuf.Struct",
    ],
)
def test_files_are_found_by_what_is_in_them(example: Api, symbol: str) -> None:
    reply = ask(example, file_containing_symbol=symbol)

    assert len(reply.file_descriptor_response.file_descriptor_proto) >= 1


@pytest.mark.parametrize("symbol", ["no.such.Thing", "", "codeserver.api.v2.Job", "ü"])
def test_what_is_not_there_is_said(example: Api, symbol: str) -> None:
    reply = ask(example, file_containing_symbol=symbol)

    assert reply.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def ask(api: Api, **fields: str) -> Any:
    stub = reflection_pb2_grpc.ServerReflectionStub(api.channel)  # type: ignore[no-untyped-call]
    request = reflection_pb2.ServerReflectionRequest(**fields)
    (reply,) = stub.ServerReflectionInfo(iter([request]), timeout=LIMIT)
    return reply


def invoke(api: Api, pool: DescriptorPool, rpc: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Call with JSON in and JSON out; nothing is known but the name of the service."""
    method = pool.FindServiceByName(OURS).FindMethodByName(rpc)
    request = json_format.ParseDict(fields, GetMessageClass(method.input_type)())
    call = api.channel.unary_unary(
        f"/{OURS}/{rpc}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    reply = call(request, timeout=LIMIT)
    return json_format.MessageToDict(reply, descriptor_pool=pool)


@pytest.mark.parametrize(
    ("rpc", "fields"),
    [
        ("ListJobs", {"names": ["example_*"]}),
        ("ListAssets", {"kinds": ["python"], "pageSize": 2}),
        ("GetJob", {"name": "example_job"}),
        ("GetExecutionPlan", {"job": "example_job"}),
        ("GetRunConfigSchema", {"job": "example_job"}),
        ("ListPartitions", {"asset": "words"}),
    ],
    ids=str,
)
def test_calls_with_nothing_but_reflection(
    example: Api, pool: DescriptorPool, rpc: str, fields: dict[str, Any]
) -> None:
    found = invoke(example, pool, rpc, fields)

    known = {"pageSize": "page_size"}
    expected = example.call(rpc, **{known.get(k, k): v for k, v in fields.items()})
    assert found == json_format.MessageToDict(expected)
    assert found["generation"] == "1"
