"""Values in the form that the front expects: durations, timestamps, and JSON for a `Value`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

_EXACT_IN_A_DOUBLE = 2**53
_CONTAINERS = (Mapping, Sequence, set, frozenset)
_LARGEST_INT32 = 2**31 - 1
_LONGEST_DURATION = 315_576_000_000
"""The maximum of `google.protobuf.Duration`, in seconds."""

DEEPEST_VALUE = 12
"""Maximum nesting of a JSON value. Protobuf reads 100 levels of messages; each level needs 3."""


def encoded(value: Any) -> str:
    """The JSON text. A lone surrogate, which UTF-8 cannot encode, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def present(**fields: Any) -> dict[str, Any]:
    """The fields without those that are None, empty, false or zero."""
    return {name: value for name, value in fields.items() if value}


def json_value(value: Any) -> dict[str, Any]:
    """The representation of a value as a `google.protobuf.Value`; see `as_value`."""
    return as_value(jsonable(value))


def as_value(plain: Any) -> dict[str, Any]:
    """The representation of JSON data as a `google.protobuf.Value` or `Struct`.

    It holds a list of one text. Other mappings with keys from the user have no lists as values, so
    they cannot be mistaken for it.
    """
    return {"$json": [encoded(plain)]}


def jsonable(value: Any, levels: int = DEEPEST_VALUE) -> Any:
    """The value as JSON data.

    A number that a double cannot hold becomes a text, and so does any value that JSON has no type
    for. A container nested deeper than `levels` becomes `...`.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, _CONTAINERS) and not isinstance(value, (bytes, bytearray)):
        return _container(value, levels - 1) if levels else "..."
    return value.name if isinstance(value, Enum) else str(value)


def _container(value: Any, levels: int) -> Any:
    if isinstance(value, Mapping):
        return {str(name): jsonable(each, levels) for name, each in value.items()}
    return [jsonable(each, levels) for each in value]


def _number(value: float) -> float | str:
    if isinstance(value, int):
        return int(value) if abs(value) <= _EXACT_IN_A_DOUBLE else str(int(value))
    return float(value) if math.isfinite(value) else str(value)


def int32(value: int) -> int:
    """The number, limited to the maximum of an int32 field."""
    return min(value, _LARGEST_INT32)


def duration(length: timedelta | float) -> dict[str, int]:
    """The fields of a `google.protobuf.Duration`, limited to its range; a number is in seconds."""
    if isinstance(length, timedelta):
        whole, micros = length.days * 86_400 + length.seconds, length.microseconds
        return {"seconds": whole, "nanos": micros * 1_000}
    if math.isnan(length):
        return {"seconds": 0, "nanos": 0}
    bounded = max(-_LONGEST_DURATION, min(length, _LONGEST_DURATION))
    whole = math.trunc(bounded)
    return {"seconds": whole, "nanos": math.trunc(round((bounded - whole) * 1e6)) * 1_000}


def timestamp(moment: datetime) -> dict[str, int]:
    """The fields of a `google.protobuf.Timestamp`, for a time with a time zone."""
    seconds = math.floor(moment.timestamp())
    return {"seconds": seconds, "nanos": moment.microsecond * 1_000}


def one_line(text: object) -> str:
    """The text without line breaks, for a message."""
    return " ".join(str(text).split())
