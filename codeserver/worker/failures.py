"""User errors as Dagster shows them, without codeserver's own frames."""

from __future__ import annotations

import os
import sys

from codeserver.worker import dagster_internals as dagster
from codeserver.worker import limits

_OWN_FRAME = f'  File "{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}{os.sep}'


def current_error() -> dagster.SerializableErrorInfo:
    """The exception being handled, as Dagster serializes it."""
    limits.lift()
    return explained(
        _without_own_frames(dagster.serializable_error_info_from_exc_info(sys.exc_info()))
    )


def explained(error: dagster.SerializableErrorInfo) -> dagster.SerializableErrorInfo:
    """The error, and that it is for the limit, when memory has run out because of that."""
    note = limits.explanation() if _is_for_memory(error) else None
    if note is None or note in error.message:
        return error
    return error._replace(message=f"{error.message.rstrip()}\n{note}\n")


def _is_for_memory(error: dagster.SerializableErrorInfo | None) -> bool:
    return error is not None and (
        error.cls_name == "MemoryError"
        or _is_for_memory(error.cause)
        or _is_for_memory(error.context)
    )


def _without_own_frames(error: dagster.SerializableErrorInfo) -> dagster.SerializableErrorInfo:
    return error._replace(
        stack=[frame for frame in error.stack if not frame.startswith(_OWN_FRAME)],
        cause=_without_own_frames(error.cause) if error.cause else None,
        context=_without_own_frames(error.context) if error.context else None,
    )
