"""Generated code of other packages that refuses the installed protobuf stops nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from codeserver.health_wire.health_pb2 import HealthCheckResponse, HealthListResponse
from tests.process.conftest import Start
from tests.process.serving import LIMIT, USER_CODE, run, skip_message

REFUSING = {"PYTHONPATH": str(USER_CODE / "refusing")}
SERVICES = ("", "DagsterApi", "codeserver.LastLoad")


def test_it_serves_and_says_what_it_goes_without(start: Start, work: Path) -> None:
    server = start("-f", str(USER_CODE / "repo.py"), env=REFUSING)

    assert skip_message(server)
    listed = server.channel.unary_unary(
        "/grpc.health.v1.Health/List", response_deserializer=HealthListResponse.FromString
    )(b"", timeout=LIMIT)
    assert {name: each.status for name, each in listed.statuses.items()} == dict.fromkeys(
        SERVICES, HealthCheckResponse.SERVING
    )

    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
    with pytest.raises(grpc.RpcError) as refused:
        next(stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest()])))
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED

    address = f"unix:{server.server.socket}"
    graph = (sys.executable, "-m", "codeserver", "graph", "nope", "--address", address)
    ended = run(*graph, cwd=work, env=REFUSING)
    assert (ended.code, ended.output.count("\n")) == (1, 1)
    assert 'no job "nope"' in ended.output

    warnings = [line for line in server.server.text.splitlines() if "WARNING" in line]
    assert [line.partition("serving without ")[2].partition(":")[0] for line in warnings] == [
        "details of errors",
        "gRPC reflection",
    ]
    assert all("pip install" in line and "protobuf==" in line for line in warnings)
