"""Environment variables that a request names, whose values its error must not repeat.

Configuration may have `{"env": NAME}` in the place of a value, such as the run configuration of a
plan or that of the storages of an instance. Errors about it repeat the value. So a client could
read any variable of the server.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from codeserver.worker import dagster_internals as dagster

_SHORTEST = 4
"""Characters. To hide a shorter value would tell who guesses that it is one."""

_request = ContextVar("request", default="")


def begin(argument: str) -> None:
    """Take this argument as that of the request that errors are about from now on."""
    _request.set(argument)


def without_values(error: dagster.SerializableErrorInfo) -> dagster.SerializableErrorInfo:
    """The error, with `$NAME` for the value of each variable that the request names."""
    values = _values()
    return _without(error, values) if values else error


def _without(
    error: dagster.SerializableErrorInfo, values: dict[str, str]
) -> dagster.SerializableErrorInfo:
    message = error.message
    for value in sorted(values, key=len, reverse=True):
        message = message.replace(value, values[value])
    return error._replace(
        message=message,
        cause=_without(error.cause, values) if error.cause else None,
        context=_without(error.context, values) if error.context else None,
    )


def _values() -> dict[str, str]:
    """What stands for each value, as it is and as `repr` writes it."""
    request = _request.get()
    try:
        names = set(_names_in(json.loads(request))) if request else set()
    except (ValueError, RecursionError):
        return {}
    found = {name: os.environ.get(name, "") for name in names}
    return {
        written: f"${name}"
        for name, value in found.items()
        for written in (value, repr(value)[1:-1], json.dumps(value)[1:-1])
        if len(written) >= _SHORTEST
    }


def _names_in(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for each, below in value.items():
            yield from _names_in(below, each)
    elif isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str):  # may be a pair of `__mapping_items__`
            yield from _names_in(value[1], value[0])
        for below in value:
            yield from _names_in(below)
    elif isinstance(value, str):
        if key == "env":
            yield value
        elif key == "config_yaml":
            with contextlib.suppress(dagster.yaml.YAMLError):
                yield from _names_in(dagster.yaml.safe_load(value))
