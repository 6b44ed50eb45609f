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
"""As `traceback.format_tb` writes it."""

_WRAPPER = "DagsterUserCodeLoadError"
"""Says only that the code is being loaded; what is wrong is its cause."""

_MOST_FRAMES, _FEW_FRAMES = 100, 3
_LONG, _SHORT = 10_000, 600
_LONGEST_CODE = 500
_MOST_BYTES = 1_000_000
"""Clients take 4 MiB in a message, and there is more in it."""


def of_failure(failure: LoadFailure) -> LoadError:
    """Why a load has failed."""
    text = clean(failure.brief or failure.text)
    if not failure.error:
        return LoadError(message=text[:_LONG], text=text[:_LONG])
    error = of_error_info(failure.error)
    error.text = text[: _MOST_BYTES // 4]
    return shortened(error, _MOST_BYTES)


def of_error_info(serialized: bytes) -> LoadError:
    """What a serialized `SerializableErrorInfo` says."""
    info = values.read(serialized)
    if info.get("cls_name") == _WRAPPER and info.get("cause"):
        info = info["cause"]
    return _error(info)


def shortened(error: LoadError, limit: int) -> LoadError:
    """The error in at most about so many bytes: the ends of its stacks, and fewer causes."""
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
    # The serialized message begins with the class, where Python's own does not.
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
