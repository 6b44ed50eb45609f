"""Errors of user code in Dagster's format, without frames of codeserver."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator

from codeserver.marks import OWN_FOLDER
from codeserver.messages import LoadError
from codeserver.worker import dagster_internals as dagster
from codeserver.worker import named_variables
from codeserver.worker.process import limits
from codeserver.worker.user_files import is_users_file

_MOST_CAUSES = 50

_OWN = f"{OWN_FOLDER}{os.sep}"
_OWN_FRAME = f'  File "{_OWN}'
_DAGSTER = os.path.dirname(os.path.dirname(dagster.check.__file__ or ""))
_FRAME = re.compile(r'  File "(.*?)", line ')
_OF_SERVERS = (_OWN, _DAGSTER, "<frozen ")
"""Path prefixes of the files of codeserver, Dagster's packages and Python's import system."""


def current_error() -> dagster.SerializableErrorInfo:
    """The exception being handled, in Dagster's format."""
    limits.lift()
    _, error, _ = sys.exc_info()
    _cut_causes(error)
    return explained(
        _without_own_frames(dagster.serializable_error_info_from_exc_info(sys.exc_info()))
    )


def _cut_causes(error: BaseException | None) -> None:
    """Cut off a chain of causes that is too long to report.

    Endless recursion that wraps its own errors has as many causes as Python allows calls. Following
    them by recursion would exceed the limit again.
    """
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        error = error.__cause__ or error.__context__
    if error is not None:
        error.__cause__ = error.__context__ = None


def explained(error: dagster.SerializableErrorInfo) -> dagster.SerializableErrorInfo:
    """The error as clients see it, with an explanation if the memory limit has caused it."""
    error = named_variables.without_values(error)
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


def report(failure: BaseException) -> LoadError:
    """The report of a failed load; `failure` is the exception being handled."""
    error = current_error()
    body = dagster.serialize_value(of_the_user(error)).encode()
    return LoadError(body, error.to_string(), brief(failure))


def of_the_user(error: dagster.SerializableErrorInfo) -> dagster.SerializableErrorInfo:
    """The error of a load for the UI: the user's exception, from the user's first frame on.

    Dagster's wrapper, which says only that the code is being loaded, is left out.
    """
    if error.cls_name == dagster.DagsterUserCodeLoadError.__name__ and error.cause:
        error = error.cause
    return _from_users_frames(error)


def _from_users_frames(error: dagster.SerializableErrorInfo) -> dagster.SerializableErrorInfo:
    found = (number for number, frame in enumerate(error.stack) if _is_users_frame(frame))
    return error._replace(
        stack=error.stack[next(found, 0) :],
        cause=_from_users_frames(error.cause) if error.cause else None,
        context=_from_users_frames(error.context) if error.context else None,
    )


def _is_users_frame(frame: str) -> bool:
    found = _FRAME.match(frame)
    return found is not None and _is_users(found[1])


_LONGEST_LINE = 1_000
_MOST_LINES = 60


def brief(error: BaseException) -> str:
    """The error for a terminal: the frames of the user's files, and the last frame.

    Without frames of the user, all frames that are neither Dagster's nor codeserver's.
    """
    if isinstance(error, dagster.DagsterUserCodeLoadError) and error.__cause__ is not None:
        error = error.__cause__  # the wrapper says only that the code is being loaded
    described = traceback.TracebackException.from_exception(error, compact=True)
    chain = list(_chain(described))
    of_user = _speaks_for_itself(error) or any(_users_frames(each) for each in chain)
    for each in chain:
        if of_user:
            _keep_users_frames(each)
        else:
            _drop_frames_of_servers(each)
    lines = "".join(described.format()).rstrip().splitlines()
    if len(lines) > _MOST_LINES:
        left_out = f"  ... {len(lines) - _MOST_LINES} lines are left out ..."
        lines[_MOST_LINES // 2 : -_MOST_LINES // 2] = [left_out]
    return "\n".join(
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..." for line in lines
    )


def _chain(error: traceback.TracebackException | None) -> Iterator[traceback.TracebackException]:
    if error is not None:
        yield error
        yield from _chain(error.__cause__)
        yield from _chain(error.__context__)


def _speaks_for_itself(error: BaseException) -> bool:
    """Whether the message names the file or module that it is about."""
    if isinstance(error, OSError):
        return error.filename is not None
    return isinstance(error, (SyntaxError, ImportError))


def _users_frames(error: traceback.TracebackException) -> list[traceback.FrameSummary]:
    return [frame for frame in error.stack if _is_users(frame.filename)]


def _keep_users_frames(error: traceback.TracebackException) -> None:
    """Keep the frames of the user's files, and the last frame, which may be in a library."""
    users = _users_frames(error)
    if users and error.stack[-1] is not users[-1]:
        users.append(error.stack[-1])
    error.stack = traceback.StackSummary.from_list(users)


def _drop_frames_of_servers(error: traceback.TracebackException) -> None:
    frames = [frame for frame in error.stack if not frame.filename.startswith(_OF_SERVERS)]
    error.stack = traceback.StackSummary.from_list(frames)


def _is_users(file: str) -> bool:
    return os.path.isabs(file) and is_users_file(file)
