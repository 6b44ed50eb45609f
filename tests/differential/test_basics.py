"""The RPCs that need no user code."""

from __future__ import annotations

import grpc
import pytest
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.differential.calls import TIMEOUT, Call, raw
from tests.differential.cases import Case, check, table
from tests.differential.plain import value
from tests.differential.sides import MAX_MESSAGE, Pair, Side, only_if_allowed


def _server_id(side: Side) -> object:
    ids = {side.client.get_server_id() for _ in range(3)}
    return {"stable": len(ids) == 1, "empty": "" in ids}


def _streaming_ping(length: int) -> Call:
    return Call("StreamingPing", lambda side: list(side.client.streaming_ping(length, "tick")))


def _health(service: str) -> Call:
    def make(side: Side) -> object:
        stub = health_pb2_grpc.HealthStub(side.channel)
        reply = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)

    return Call("Health", make)


@table(
    [
        Case("text", Call("Ping", lambda side: side.client.ping("hello ✓")), expect="hello"),
        Case("nothing", Call("Ping", lambda side: side.client.ping("")), expect='"echo": ""'),
        Case("text", Call("Heartbeat", lambda side: side.client.heartbeat("beat")), expect="beat"),
        Case("three", _streaming_ping(3), expect='"sequence_number": 2'),
        Case("none", _streaming_ping(0), expect="[]"),
        Case("negative", _streaming_ping(-1), expect="[]"),
        Case("three times", Call("GetServerId", _server_id), expect='"stable": true'),
        Case(
            "no image",
            Call("GetCurrentImage", lambda side: value(side.client.get_current_image())),
            expect='"current_image": null',
        ),
        Case(
            "none",
            Call("GetCurrentRuns", lambda side: value(side.client.get_current_runs())),
            expect='"current_runs": []',
        ),
        Case("of the service", _health("DagsterApi"), expect="SERVING"),
        Case("of the server", _health(""), expect="SERVING"),
        Case("of an unknown service", _health("nope"), expect="NOT_FOUND"),
        Case(
            "50 MB",
            Call("Ping", lambda side: side.client.ping("x" * 50_000_000)),
            expect="50000000 characters",
        ),
        Case("more than allowed", raw("Ping", echo="x" * MAX_MESSAGE), expect="RESOURCE_EXHAUSTED"),
    ]
)
def test_same_answer(case: Case, pair: Pair) -> None:
    if case.name in ("50 MB", "more than allowed"):
        only_if_allowed()
    check(case, pair)


def test_unknown_rpc(pair: Pair) -> None:
    for side in pair:
        for method in ("/api.DagsterApi/Nope", "/api.Nope/Ping"):
            call = side.channel.unary_unary(
                method,
                request_serializer=pb.Empty.SerializeToString,
                response_deserializer=pb.Empty.FromString,
            )
            with pytest.raises(grpc.RpcError) as failure:
                call(pb.Empty(), timeout=TIMEOUT)
            assert failure.value.code() == grpc.StatusCode.UNIMPLEMENTED
