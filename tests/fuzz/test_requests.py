"""Every RPC with requests of every shape: each gets a reply or a status that tells who must act."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from dagster._serdes import serialize_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.requests import Requests, message
from codeserver.api.v1 import code_location_pb2
from codeserver.dagster_wire import dagster_api_pb2
from tests.fuzz import TIMES
from tests.fuzz.harmed import USER_CODE, unharmed
from tests.fuzz.requests import messages
from tests.process.serving import LIMIT, Server, serve

Good = Mapping[str, list[str]]

_FAULTS = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
_APART = {"ShutdownServer", "ReloadCode", "ReloadCodeWithState", "ReloadLocation"}
_SERVICES = (
    (dagster_api_pb2.DESCRIPTOR.services_by_name["DagsterApi"], dagster_api_pb2),
    (code_location_pb2.DESCRIPTOR.services_by_name["CodeLocationService"], code_location_pb2),
)
METHODS = {
    f"{service.name}.{rpc.name}": (rpc, getattr(module, rpc.input_type.name))
    for service, module in _SERVICES
    for rpc in service.methods
}
TABLE = [name for name in METHODS if name.partition(".")[2] not in _APART]

_MOST_FILES = 20
"""Of evaluators; a leak would be one for each request."""

few = settings(
    max_examples=120 * TIMES,
    deadline=None,
    database=None,
    derandomize=TIMES == 1,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.fixture(scope="module")
def server(home: Path, folder: Path) -> Iterator[Server]:
    with serve(home, folder / "s", "-f", "repo.py", cwd=USER_CODE) as started:
        assert started.client.list_repositories()
        yield started


@pytest.fixture(scope="module")
def good(server: Server) -> Good:
    """Serialized values that are right, by the name of the field that takes them."""
    requests = Requests(server.instance_ref)
    found: dict[str, list[str]] = {}
    for args in (
        requests.sensor("quick", "a cursor", timeout=60),
        requests.schedule("daily"),
        requests.plan("short", run_config={"ops": {"first": {"config": {"n": 1}}}}),
        requests.subset("short", ops=["first"]),
        requests.partition_names("coloured"),
        requests.partition("coloured", "red"),
        requests.partition_params("coloured", ["red", "green"]),
        requests.run("short", str(uuid.UUID(int=1))),
    ):
        for field, text in message(args).ListFields():
            found.setdefault(field.name, []).append(text)
    origin = serialize_value(requests.origin)
    found["serialized_repository_origin"] = [origin]
    found["serialized_repository_python_origin"] = [origin]
    run = '{"__class__": "%s", "run_id": "abc"}'
    found["serialized_cancel_execution_request"] = [run % "CancelExecutionRequest"]
    found["serialized_can_cancel_execution_request"] = [run % "CanCancelExecutionRequest"]
    found["run_config"] = ['{"ops": {"first": {"config": {"n": 1}}}}']
    state = '{"__class__": "DefsStateInfo", "info_mapping": {}}'
    found["serialized_defs_state_info"] = [state]
    return found


@pytest.mark.parametrize("name", TABLE)
def test_requests(name: str, server: Server, good: Good) -> None:
    kind = METHODS[name][1]

    @few
    @given(messages(kind, good))
    def check(request: Any) -> None:
        _check(server, name, request.SerializeToString())

    with unharmed(server, more_files=_MOST_FILES):
        check()


@pytest.mark.parametrize("name", TABLE)
def test_bytes(name: str, server: Server, good: Good) -> None:
    """Messages that are cut, changed in their bytes, or none."""
    kind = METHODS[name][1]

    @few
    @given(messages(kind, good), st.data())
    def check(request: Any, data: st.DataObject) -> None:
        content = bytearray(request.SerializeToString()[:5_000])
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(content)))
            content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        _check(server, name, bytes(content))

    with unharmed(server, more_files=_MOST_FILES):
        check()


@pytest.mark.parametrize("name", ["ReloadCode", "ReloadCodeWithState", "ReloadLocation"])
def test_reloads(name: str, server: Server, good: Good) -> None:
    """Their requests load the code anew, so few of them are made."""
    (name,) = (each for each in METHODS if each.endswith(f".{name}"))

    @settings(few, max_examples=10 * TIMES)
    @given(messages(METHODS[name][1], good))
    def check(request: Any) -> None:
        _check(server, name, request.SerializeToString())

    check()
    assert not server.reload()
    with unharmed(server, more_files=_MOST_FILES):
        assert server.client.list_repositories()


def _check(server: Server, name: str, request: bytes) -> None:
    rpc, _ = METHODS[name]
    path = f"/{rpc.containing_service.full_name}/{rpc.name}"
    call: Any = server.channel.unary_stream if rpc.server_streaming else server.channel.unary_unary
    error: Any
    try:
        reply = call(path)(request, timeout=LIMIT)
        if rpc.server_streaming:
            next(reply, None)
            reply.cancel()
    except grpc.RpcError as failure:
        error = failure
    else:
        return
    assert error.code() not in _FAULTS, (error.code(), error.details())
