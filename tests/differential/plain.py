"""What a server said, as plain data that can be compared and read in a test's output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._serdes import deserialize_value, serialize_value

from tests.differential.sides import Side

LARGE = 1_000_000


def outcome(call: Callable[[Side], object], side: Side) -> Any:
    """What `call` returned as plain data, or the gRPC status it failed with."""
    try:
        value = call(side)
    except grpc.RpcError as error:
        return _refusal(error)
    except DagsterUserCodeUnreachableError as error:
        if not isinstance(error.__cause__, grpc.RpcError):
            raise
        return _refusal(error.__cause__)
    return plain(value)


def _refusal(error: grpc.RpcError) -> dict[str, str]:
    return {"status": error.code().name, "details": error.details()}


def value(serialized: str) -> object:
    """The Dagster object in a reply."""
    return deserialize_value(serialized)


def plain(value: Any) -> Any:
    """`value` as dicts, lists and scalars; Dagster objects as what they are serialized to."""
    if isinstance(value, str) and len(value) > LARGE:
        return f"{len(value)} characters, {hashlib.sha256(value.encode()).hexdigest()}"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [plain(item) for item in value]
    return plain(json.loads(serialize_value(value)))


def chunks(events: Iterable[Any], field: str) -> dict[str, object]:
    """A chunked stream: how it was cut, and the Dagster object it carried."""
    numbers, parts = [], []
    for event in events:
        numbers.append(event.sequence_number)
        parts.append(getattr(event, field))
    return {
        "sequence_numbers": numbers,
        # The length of the last one depends on what may differ, such as stack traces.
        "lengths": [len(part) for part in parts[:-1]],
        "value": value("".join(parts)),
    }
