"""Values that the front writes are what Dagster reads, and would have written itself."""

from __future__ import annotations

import inspect
import json
from functools import partial
from typing import Any

import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external_data import (
    PartitionExecutionErrorSnap,
    RemoteJobSubsetResult,
    RepositoryErrorSnap,
    ScheduleExecutionErrorSnap,
    SensorExecutionErrorSnap,
)
from dagster._core.snap.execution_plan_snapshot import ExecutionPlanSnapshotErrorData
from dagster._grpc import types
from dagster._serdes import deserialize_value, serialize_value

from bench.origins import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from codeserver.errors import InvalidRequest
from codeserver.front import dagster_json as write
from tests.support.dagster_names import SerializableErrorInfo

# An error as a worker sends it: with a traceback, a cause, and text that JSON must escape.
ERROR = SerializableErrorInfo(
    message='ValueError: "é€😀"\n',
    stack=['  File "repo.py", line 1, in <module>\n    raise ValueError\n'],
    cls_name="ValueError",
    cause=SerializableErrorInfo("KeyError: 1\n", [], "KeyError", None, None),
    context=None,
)
INFO = serialize_value(ERROR).encode()
FAILED = {"success": False, "serializable_error_info": ERROR}

CASES: dict[str, tuple[partial[bytes], type, dict[str, Any]]] = {
    "error": (
        partial(write.error, 'text "é€😀"', "WorkerCrashed"),
        SerializableErrorInfo,
        {
            "message": 'WorkerCrashed: text "é€😀"\n',
            "cls_name": "WorkerCrashed",
            "stack": [],
            "cause": None,
            "context": None,
        },
    ),
    "error of no class": (
        partial(write.error, "text"),
        SerializableErrorInfo,
        {"message": "Exception: text\n", "cls_name": "Exception"},
    ),
    "still loading": (
        partial(write.still_loading, "The code is still importing repo.py line 3, 12 s."),
        SerializableErrorInfo,
        {
            "message": "The code is still importing repo.py line 3, 12 s. Its definitions appear "
            "here when it is loaded.\n",
            # Which the webserver tries again by itself.
            "cls_name": DagsterUserCodeUnreachableError.__name__,
        },
    ),
    "plan error": (
        partial(write.plan_error, INFO),
        ExecutionPlanSnapshotErrorData,
        {"error": ERROR},
    ),
    "partition error": (
        partial(write.partition_error, INFO),
        PartitionExecutionErrorSnap,
        {"error": ERROR},
    ),
    "repository error": (
        partial(write.repository_error, INFO),
        RepositoryErrorSnap,
        {"error": ERROR},
    ),
    "schedule error": (
        partial(write.schedule_error, INFO),
        ScheduleExecutionErrorSnap,
        {"error": ERROR},
    ),
    "sensor error": (partial(write.sensor_error, INFO), SensorExecutionErrorSnap, {"error": ERROR}),
    "subset error": (
        partial(write.subset_error, INFO),
        RemoteJobSubsetResult,
        {
            "success": False,
            "error": ERROR,
            "job_data_snap": None,
            "repository_python_origin": None,
        },
    ),
    "run started": (
        partial(write.start_run_result, True),
        types.StartRunResult,
        {"success": True, "message": None, "serializable_error_info": None},
    ),
    "run refused": (
        partial(write.start_run_result, False, "why not"),
        types.StartRunResult,
        {"success": False, "message": "why not", "serializable_error_info": None},
    ),
    "run failed": (
        partial(write.start_run_result, False, "setup: ", INFO),
        types.StartRunResult,
        {**FAILED, "message": "setup: "},
    ),
    "cancelled": (
        partial(write.cancel_result, True),
        types.CancelExecutionResult,
        {"success": True, "message": None, "serializable_error_info": None},
    ),
    "not cancelled": (
        partial(write.cancel_result, False, INFO),
        types.CancelExecutionResult,
        {**FAILED, "message": None},
    ),
    "can cancel": (
        partial(write.can_cancel_result, True),
        types.CanCancelExecutionResult,
        {"can_cancel": True},
    ),
    "can not cancel": (
        partial(write.can_cancel_result, False),
        types.CanCancelExecutionResult,
        {"can_cancel": False},
    ),
    "shutdown": (
        partial(write.shutdown_result),
        types.ShutdownServerResult,
        {"success": True, "serializable_error_info": None},
    ),
    "image": (
        partial(write.current_image, "registry/image:tag"),
        types.GetCurrentImageResult,
        {"current_image": "registry/image:tag", "serializable_error_info": None},
    ),
    "no image": (
        partial(write.current_image, None),
        types.GetCurrentImageResult,
        {"current_image": None, "serializable_error_info": None},
    ),
    "runs": (
        partial(write.current_runs, ["a", "b"]),
        types.GetCurrentRunsResult,
        {"current_runs": ["a", "b"], "serializable_error_info": None},
    ),
    "no runs": (
        partial(write.current_runs, []),
        types.GetCurrentRunsResult,
        {"current_runs": [], "serializable_error_info": None},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_dagster_reads_it(name: str) -> None:
    write_it, expected_class, fields = CASES[name]
    value = deserialize_value(write_it().decode(), expected_class)
    assert type(value) is expected_class
    assert {field: getattr(value, field) for field in fields} == fields


@pytest.mark.parametrize("name", CASES)
def test_dagster_would_have_written_it(name: str) -> None:
    write_it, expected_class, _ = CASES[name]
    written = write_it()
    value = deserialize_value(written.decode(), expected_class)
    assert json.loads(serialize_value(value)) == json.loads(written)


def test_every_writer_has_a_case() -> None:
    """A new function in there is a new promise about Dagster's JSON."""
    functions = {
        each for name, each in vars(write).items() if inspect.isfunction(each) and name[0] != "_"
    }
    readers = {write.read, write.read_string, write.short_fields, write.job_name}
    assert functions - readers == {case[0].func for case in CASES.values()}


def test_the_job_of_a_run() -> None:
    code_location = GrpcServerCodeLocationOrigin(host="localhost", port=4000)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(code_location, "shop"), "größe")
    args = types.ExecuteExternalJobArgs(job_origin=origin, run_id="r", instance_ref=None)
    assert write.job_name(serialize_value(args)) == "shop/größe"
    for without in ("{}", '{"pipeline_origin": 1}', '{"pipeline_origin": {"pipeline_name": "x"}}'):
        assert write.job_name(without) == ""


def test_read() -> None:
    text = serialize_value(types.CancelExecutionRequest(run_id="é"))
    assert write.read(text, "CancelExecutionRequest") == {
        "__class__": "CancelExecutionRequest",
        "run_id": "é",
    }
    assert write.read_string(text, "CancelExecutionRequest", "run_id") == "é"


MALFORMED = {
    "empty": "",
    "text": "no json",
    "cut off": '{"run_id": "a"',
    "list": '["run_id"]',
    "string": '"run_id"',
    "null": "null",
    "nested": "[" * 100_000,
    "long number": '{"run_id": ' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_read_malformed(text: str) -> None:
    for read in (
        write.read,
        lambda text, what: write.read_string(text, what, "run_id"),
    ):
        with pytest.raises(InvalidRequest, match=r"^Not a serialized CancelExecutionRequest: "):
            read(text, "CancelExecutionRequest")


def test_read_what_is_too_long() -> None:
    longest = '{"run_id": "a"}'.ljust(write.LONGEST_ARGUMENT)
    assert write.read(longest, "X") == {"run_id": "a"}
    with pytest.raises(InvalidRequest, match=r"^A serialized X of 1048577 characters"):
        write.read(longest + " ", "X")


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ("[1, [2], ", "]")])
def test_read_what_is_nested_too_deeply(start: str, end: str) -> None:
    def nested(depth: int) -> str:
        return f'{{"run_id": {start * (depth - 2)}[]{end * (depth - 2)}}}'

    assert write.read(nested(write.DEEPEST_ARGUMENT), "X")
    for depth in (write.DEEPEST_ARGUMENT + 1, 1_000, 10_000):
        with pytest.raises(
            InvalidRequest, match=r"^Not a serialized X: it is nested more than 500"
        ):
            write.read(nested(depth), "X")


@pytest.mark.parametrize("text", ["{}", '{"run_id": null}', '{"run_id": 1}', '{"run_id": ["a"]}'])
def test_read_string_of_a_value_without_it(text: str) -> None:
    assert isinstance(write.read(text, "X"), dict)
    with pytest.raises(InvalidRequest, match=r"^Not a serialized X: it has no run_id"):
        write.read_string(text, "X", "run_id")
