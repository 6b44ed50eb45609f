"""Every error codeserver raises on purpose, classed by who must act.

The message of each is one line with the fault and the remedy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any


class CodeserverError(Exception):
    """Base of all errors in this module."""


class OperatorError(CodeserverError):
    """The operator must act: bad option, port in use, unwritable socket."""


class NothingToServe(OperatorError):
    """The operator has named no code to load."""


class CallerError(CodeserverError):
    """The client must act: an unchanged retry of the request will fail again.

    Attributes:
        details: one mapping for each mistake: its `type` (`field`, `resource` or `run_config`), and
            the fields of the protobuf message that `codeserver.front.rich_errors` builds from it.
    """

    def __init__(self, message: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.details = details


class InvalidRequest(CallerError):
    """A request field is malformed."""


class NotFound(CallerError):
    """The request names something that does not exist."""


class NotAuthenticated(CallerError):
    """The caller does not show who it is, or shows what is not known."""


class NotPermitted(CallerError):
    """The request asks for something that the server must not serve."""


class UserCodeError(CodeserverError):
    """The user's code, or the process that ran it, failed."""


class WorkerCrashed(UserCodeError):
    """A worker process ended without a reply; the message has the signal or exit code.

    Attributes:
        info: serialized `SerializableErrorInfo` with a traceback; empty if the process could not
            build one.
    """

    def __init__(self, message: str, info: bytes = b"") -> None:
        super().__init__(message)
        self.info = info


class LoadsOnlyOnce(WorkerCrashed):
    """A process failed to load code that another process has already loaded.

    Attributes:
        headline: the line of the error that names the fault.
        error: serialized `SerializableErrorInfo` of the failed load.
    """

    def __init__(self, message: str, headline: str, error: bytes) -> None:
        super().__init__(message)
        self.headline = headline
        self.error = error


class LoadTimeout(UserCodeError):
    """The load of the user's code exceeded the start-up timeout."""


class StillLoading(CodeserverError):
    """The first load is under way, so there is nothing to serve yet."""


class RequestTimeout(CodeserverError):
    """The caller's deadline passed before the user's code replied."""


class Overloaded(CodeserverError):
    """Too many requests are waiting; the message names the cause."""


class Draining(CodeserverError):
    """The server is shutting down and accepts no new work of this kind."""


class NoSuchLocation(CodeserverError):
    """The client has reached no location, but the address that several locations share."""


class ProtocolError(CodeserverError):
    """The developers of codeserver must act: a frame between front and worker is malformed."""


REFUSALS = {each.__name__: each for each in (InvalidRequest, NotFound, NotPermitted)}
"""The error classes of refused requests, by name."""


def redacts_user_code() -> bool:
    """Whether errors for clients must not tell what user code says; the log has it.

    The variable and its values are those of `dagster._utils.error`.
    """
    return os.environ.get("DAGSTER_REDACT_USER_CODE_ERRORS", "").lower() in ("1", "true", "t")
