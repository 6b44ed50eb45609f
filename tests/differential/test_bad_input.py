"""Requests that no Dagster client would send: the same words from both, and no harm done."""

from __future__ import annotations

from typing import Any

from dagster._core.storage.dagster_run import DagsterRunStatus
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import serialize_value

from tests.differential import calls
from tests.differential.calls import Call, fields, raw
from tests.differential.cases import Case, check, table
from tests.differential.sides import Pair

METHODS = pb.DESCRIPTOR.services_by_name["DagsterApi"].methods

MALFORMED = {
    "empty": "",
    "not JSON": "{",
    "null": "null",
    "a number": "42",
    "a list": "[]",
    "a plain object": '{"a": 1}',
    "an unknown class": '{"__class__": "NoSuchClass"}',
    "missing fields": '{"__class__": "GrpcServerRepositoryLocationOrigin"}',
    "another class": serialize_value(calls.job_origin("arithmetic")),
    "an enum": serialize_value(DagsterRunStatus.SUCCESS),
    "deeply nested": "[" * 100_000,
}

# What else the request needs for the field to be looked at.
OTHER_FIELDS = {
    "StreamingPing": {"sequence_length": 1},
    "ExternalJob": {"serialized_repository_origin": serialize_value(calls.origin())},
}

# Stock reads these outside of its handlers' error handling.
UNHANDLED = {"ExecutionPlanSnapshot", "CanCancelExecution", "ExternalNotebookData"}


def _case(method: Any, field: Any, name: str, text: str) -> Case:
    content = [text] if field.name == "defs_state_keys" else text
    request = {**OTHER_FIELDS.get(method.name, {}), field.name: content}
    return Case(
        f"{field.name} is {name}",
        raw(method.name, **request),
        expect=_expected(method.name, field.name, name),
        difference="INVALID_ARGUMENT" if method.name in UNHANDLED else None,
    )


def _expected(rpc: str, field: str, name: str) -> str:
    if rpc in UNHANDLED:
        return "UNKNOWN"
    if (rpc, name) == ("ReloadCodeWithState", "empty"):
        return '"serialized_error": null'  # no state: as it is
    return "echo" if field == "echo" else '"message": '


def _malformed() -> list[Case]:
    cases = []
    for method in METHODS:
        for field in method.input_type.fields:
            if field.type == field.TYPE_STRING:
                cases += [_case(method, field, name, text) for name, text in MALFORMED.items()]
    return cases


@table(_malformed())
def test_malformed(case: Case, pair: Pair) -> None:
    check(case, pair)


def _of_bytes(rpc: str, message: bytes) -> Call:
    call = f"/api.DagsterApi/{rpc}"
    return Call(rpc, lambda side: side.channel.unary_unary(call)(message, timeout=calls.TIMEOUT))


@table(
    Case(name, _of_bytes(rpc, message), expect="INTERNAL", difference="INVALID_ARGUMENT")
    for rpc in ("SyncExternalSensorExecution", "ExecutionPlanSnapshot", "StartRun")
    for name, message in {
        "not UTF-8": b"\n\x02\xff\xff",
        "cut off": b"\n\x05text",
        "no message": b"\xff",
    }.items()
)
def test_bytes_that_are_no_request(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    Case(
        "unknown repository",
        call,
        expect="nope",
        difference="says what is wrong" if call.rpc == "StartRun" else None,
    )
    for call in calls.of_repository("nope")
)
def test_unknown_repository(case: Case, pair: Pair) -> None:
    check(case, pair)


def _refresh(*keys: str) -> Call:
    return Call(
        "RefreshComponentState", lambda side: fields(side.client.refresh_component_state(keys))
    )


@table(
    [
        Case("no components", _refresh("nope"), expect="No matching state-backed components"),
        Case("no components, no keys", _refresh(), expect="No project root found"),
    ]
)
def test_without_components(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("as before", calls.list_repositories(), expect="__repository__"),
        Case("as before", calls.repository(), expect="ExternalRepositoryData"),
        Case("as before", calls.sensor("skips"), expect="nothing to do"),
        Case("none", raw("GetCurrentRuns"), expect='"current_runs": []'),
    ]
)
def test_still_answers(case: Case, pair: Pair) -> None:
    check(case, pair)
