"""The few Dagster values that the front reads or writes itself, in Dagster's JSON.

The class names are the storage names of Dagster 1.13 (`whitelist_for_serdes` in
`dagster._grpc.types` and `dagster._core.remote_representation.external_data`); a test has Dagster
deserialize each of them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from codeserver.errors import InvalidRequest
from codeserver.supervisor.evaluating.request import Bytes

LONGEST_ARGUMENT = 1024 * 1024
"""Bytes. The front parses short values only: a name or an id, and its repository."""

DEEPEST_ARGUMENT = 500
"""Levels of lists and objects. Run config has some ten, and Dagster itself reads almost 1,000."""

_TOO_DEEP = f"it is nested more than {DEEPEST_ARGUMENT} deep."

_LONGEST_VALUE = 64 * 1024
_DECODER = json.JSONDecoder()


def read(text: str, what: str) -> dict[str, Any]:
    """The fields of a small serialized value.

    Raises:
        InvalidRequest: the text is not a JSON object, is longer than `LONGEST_ARGUMENT`, or is
            nested more than `DEEPEST_ARGUMENT` deep.
    """
    if len(text) > LONGEST_ARGUMENT:
        raise InvalidRequest(f"A serialized {what} of {len(text)} characters is not plausible.")
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"Not a serialized {what}: {error}") from None
    except RecursionError:  # how deep that is depends on the version of Python, and on who calls
        raise InvalidRequest(f"Not a serialized {what}: {_TOO_DEEP}") from None
    if not isinstance(fields, dict):
        raise InvalidRequest(f"Not a serialized {what}: a JSON object is expected.")
    if _is_too_deep(fields):
        raise InvalidRequest(f"Not a serialized {what}: {_TOO_DEEP}")
    return fields


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST_ARGUMENT):
        if not level:
            return False
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
    return bool(level)


def short_fields(argument: Bytes, names: Iterable[str]) -> dict[str, Any]:
    """The named fields that have short values, from an argument too long to parse.

    The last occurrence of each name counts: Dagster sorts the names, and long values come before
    these fields. A quotation mark within a string follows a backslash, so the text of a cursor
    does not match a name.
    """
    found = {}
    text: Any = argument.obj if isinstance(argument, memoryview) else argument
    for name in names:
        key = f'"{name}":'.encode()
        at = text.rfind(key)
        if at > 0 and text[at - 1 : at] != b"\\":
            start = at + len(key)
            value = text[start : start + _LONGEST_VALUE].decode(errors="replace").lstrip()
            with contextlib.suppress(ValueError, RecursionError):
                found[name], _ = _DECODER.raw_decode(value)
    return found


def read_string(text: str, what: str, field: str) -> str:
    """One string field of a small serialized value.

    Raises:
        InvalidRequest: the value cannot be read, or has no such string.
    """
    value = read(text, what).get(field)
    if not isinstance(value, str):
        raise InvalidRequest(f"Not a serialized {what}: it has no {field}.")
    return value


def job_name(text: str) -> str:
    """The job of a serialized `ExecuteExternalJobArgs`, as `repository/job`; empty if it has none.

    Raises:
        InvalidRequest: the text is not a JSON object.
    """
    job = read(text, "ExecuteExternalJobArgs").get("pipeline_origin")
    if not isinstance(job, dict):
        return ""
    repository, name = job.get("external_repository_origin"), job.get("pipeline_name")
    of = repository.get("repository_name") if isinstance(repository, dict) else None
    return f"{of}/{name}" if isinstance(of, str) and isinstance(name, str) else ""


def _write(class_name: str, **fields: object) -> bytes:
    return json.dumps({"__class__": class_name, **fields}).encode()


def _result(class_name: str, error_info: bytes = b"", **fields: object) -> bytes:
    info = json.loads(error_info) if error_info else None
    return _write(class_name, serializable_error_info=info, **fields)


def error(message: str, class_name: str = "Exception") -> bytes:
    """A `SerializableErrorInfo` without a traceback."""
    return _error(class_name, f"{class_name}: {message}\n")


def still_loading(progress: str) -> bytes:
    """A `SerializableErrorInfo` with the progress of a first load, a sentence.

    After an error of this class, the webserver retries every ten seconds
    (`ERROR_RECOVERY_INTERVAL` in `dagster._grpc.server_watcher`, Dagster 1.13). A webserver that
    begins to watch the server id after the end of the load would otherwise show the error for ever.
    """
    message = f"{progress} Its definitions appear here when it is loaded.\n"
    return _error("DagsterUserCodeUnreachableError", message)


def _error(class_name: str, message: str) -> bytes:
    return _write(
        "SerializableErrorInfo",
        cause=None,
        cls_name=class_name,
        context=None,
        message=message,
        stack=[],
    )


def _with_error(class_name: str) -> Callable[[bytes], bytes]:
    """Makes a value of this class from a serialized `SerializableErrorInfo`, its only field."""
    return lambda error_info: _write(class_name, error=json.loads(error_info))


plan_error = _with_error("ExecutionPlanSnapshotErrorData")
partition_error = _with_error("ExternalPartitionExecutionErrorData")
repository_error = _with_error("ExternalRepositoryErrorData")
schedule_error = _with_error("ExternalScheduleExecutionErrorData")
sensor_error = _with_error("ExternalSensorExecutionErrorData")


def subset_error(error_info: bytes) -> bytes:
    """A `RemoteJobSubsetResult` for a subset that could not be made."""
    return _write(
        "ExternalPipelineSubsetResult",
        error=json.loads(error_info),
        external_pipeline_data=None,
        repository_python_origin=None,
        success=False,
    )


def start_run_result(success: bool, message: str | None = None, error_info: bytes = b"") -> bytes:
    """A `StartRunResult`."""
    return _result("StartRunResult", error_info, success=success, message=message)


def cancel_result(success: bool, error_info: bytes = b"") -> bytes:
    """A `CancelExecutionResult`."""
    return _result("CancelExecutionResult", error_info, success=success, message=None)


def can_cancel_result(can_cancel: bool) -> bytes:
    """A `CanCancelExecutionResult`."""
    return _write("CanCancelExecutionResult", can_cancel=can_cancel)


def shutdown_result() -> bytes:
    """A `ShutdownServerResult` for a server that will shut down."""
    return _result("ShutdownServerResult", success=True)


def current_image(image: str | None) -> bytes:
    """A `GetCurrentImageResult`."""
    return _result("GetCurrentImageResult", current_image=image)


def current_runs(run_ids: Sequence[str]) -> bytes:
    """A `GetCurrentRunsResult`."""
    return _result("GetCurrentRunsResult", current_runs=list(run_ids))
