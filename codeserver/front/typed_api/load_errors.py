"""Exceptions of the user's code as `LoadError` messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from codeserver.api.v1.location_pb2 import LoadError, StackFrame
from codeserver.front.typed_api import values
from codeserver.letters import clean
from codeserver.supervisor.loading.failure import LoadFailure

_FRAME = re.compile(r'\s*File "(?P<file>.*?)", line (?P<line>\d+)(, in (?P<function>.*))?')
"""The format of `traceback.format_tb`."""

_WRAPPER = "DagsterUserCodeLoadError"
"""Dagster's error around an exception of user code; its cause is the real error."""

_MOST_FRAMES, _FEW_FRAMES = 100, 3
_LONG, _SHORT = 10_000, 600
_LONGEST_CODE = 500
_MOST_BYTES = 1_000_000
"""Clients accept messages of 4 MiB, and the message has other fields."""


def of_failure(failure: LoadFailure) -> LoadError:
    """The message for a failed load."""
    text = clean(failure.brief or failure.text)
    if not failure.error:
        return LoadError(message=text[:_LONG], text=text[:_LONG])
    error = of_error_info(failure.error)
    error.text = text[: _MOST_BYTES // 4]
    return shortened(error, _MOST_BYTES)


def of_error_info(serialized: bytes) -> LoadError:
    """The message for a serialized `SerializableErrorInfo`."""
    info = values.read(serialized)
    if info.get("cls_name") == _WRAPPER and info.get("cause"):
        info = info["cause"]
    return _error(info)


def shortened(error: LoadError, limit: int) -> LoadError:
    """The error in about `limit` bytes at most: with the ends of its stacks, and fewer causes."""
    if error.ByteSize() <= limit:
        return error
    text = error.text if len(error.text.encode()) <= limit // 3 else ""
    short = LoadError(type=error.type, message=error.message[:_SHORT], text=text)
    short.frames.extend(error.frames[-_FEW_FRAMES:])
    if error.HasField("cause"):
        cause = shortened(error.cause, (limit - short.ByteSize()) // 2)
        if cause.ByteSize() + short.ByteSize() <= limit:
            short.cause.CopyFrom(cause)
    if short.ByteSize() > limit:
        del short.frames[:]
    return short


def _error(info: Mapping[str, Any]) -> LoadError:
    kind = info.get("cls_name") or ""
    # Unlike Python's message, the serialized one begins with the class.
    _, found, message = info["message"].partition(f"{kind}: ")
    error = LoadError(
        type=kind,
        message=(message if found else info["message"]).strip()[:_LONG],
        frames=_frames(info["stack"]),
    )
    if info.get("cause"):
        error.cause.CopyFrom(_error(info["cause"]))
    elif info.get("context"):
        error.context.CopyFrom(_error(info["context"]))
    return error


def _frames(stack: list[str]) -> Iterator[StackFrame]:
    for entry in stack[-_MOST_FRAMES:]:
        first, _, rest = entry.partition("\n")
        if found := _FRAME.match(first):
            yield StackFrame(
                file=found["file"],
                line=int(found["line"]),
                function=found["function"] or "",
                code=rest.partition("\n")[0].strip()[:_LONGEST_CODE],
            )
