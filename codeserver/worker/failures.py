"""User errors as Dagster shows them, without codeserver's own frames."""

from __future__ import annotations

import os
import sys

from codeserver.worker import dagster_internals as dagster

_OWN_FRAME = f'  File "{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}{os.sep}'


def current_error() -> dagster.SerializableErrorInfo:
    """The exception being handled, as Dagster serializes it."""
    return _without_own_frames(dagster.serializable_error_info_from_exc_info(sys.exc_info()))


def _without_own_frames(error: dagster.SerializableErrorInfo) -> dagster.SerializableErrorInfo:
    return error._replace(
        stack=[frame for frame in error.stack if not frame.startswith(_OWN_FRAME)],
        cause=_without_own_frames(error.cause) if error.cause else None,
        context=_without_own_frames(error.context) if error.context else None,
    )
