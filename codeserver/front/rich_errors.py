"""Structured error details: a `google.rpc.Status` in the trailing metadata of a call.

This is the "richer error model" of https://grpc.io/docs/guides/error/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from codeserver.api import error_details
from codeserver.api.error_details import BadRequest, ResourceInfo, Status
from codeserver.api.v1.code_location_pb2 import RunConfigError
from codeserver.api.v1.location_pb2 import LoadError
from codeserver.errors import CallerError, WorkerCrashed
from codeserver.front.typed_api import load_errors, values
from codeserver.letters import clean
from codeserver.supervisor.loading.failure import NotLoaded

_KEY = "grpc-status-details-bin"

_MOST_BYTES = 4_500
"""Base64 in the header adds a third, and clients refuse headers over 8 KiB."""


def trailing_metadata(
    error: Exception, code: grpc.StatusCode, message: str
) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata for a failed call; empty if the error has no details."""
    if error_details.unusable:
        return ()
    status = Status(code=code.value[0], message=message)
    for detail in _details(error):
        packed = AnyMessage()
        packed.Pack(detail)
        if status.ByteSize() + packed.ByteSize() > _MOST_BYTES:
            break
        status.details.append(packed)
    return ((_KEY, status.SerializeToString()),) if status.details else ()


def _details(error: Exception) -> Iterator[Message]:
    if isinstance(error, NotLoaded):
        yield load_errors.shortened(load_errors.of_failure(error.failure), _MOST_BYTES * 3 // 4)
    elif isinstance(error, WorkerCrashed) and error.info:
        yield load_errors.shortened(load_errors.of_error_info(error.info), _MOST_BYTES * 3 // 4)
    elif isinstance(error, WorkerCrashed):
        text = clean(str(error))
        if "\n" in text:
            message = text.partition("\n")[0]
            yield LoadError(message=message, text=text[: _MOST_BYTES // 4])
    elif isinstance(error, CallerError):
        details = values.read(json.dumps(error.details).encode())
        violations = [found for each in details if (found := _violation(each))]
        if violations:
            yield _bounded(violations)
        for each in details:
            if each["type"] == "resource":
                yield ResourceInfo(
                    resource_type=each["resource_type"],
                    resource_name=each["resource_name"],
                    description=clean(str(error)),
                )
            elif each["type"] == "run_config":
                yield RunConfigError(**{key: each[key] for key in each if key != "type"})


def _violation(detail: Mapping[str, Any]) -> BadRequest.FieldViolation | None:
    if detail["type"] == "field":
        return BadRequest.FieldViolation(field=detail["field"], description=detail["description"])
    if detail["type"] == "run_config":
        path = ".".join(("run_config", *detail["path"]))
        return BadRequest.FieldViolation(field=path, description=detail["message"])
    return None


def _bounded(violations: list[BadRequest.FieldViolation]) -> BadRequest:
    """As many of the violations as fit into a third of the limit.

    The rest is for the `RunConfigError` messages that describe the same errors.
    """
    request = BadRequest()
    for violation in violations:
        if request.ByteSize() + violation.ByteSize() > _MOST_BYTES // 3:
            break
        request.field_violations.append(violation)
    return request
