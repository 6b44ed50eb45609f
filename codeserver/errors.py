"""Every error codeserver raises on purpose, classed by who must act.

The message of each is one line that says what is wrong and what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class CodeserverError(Exception):
    """Base of all errors in this module."""


class OperatorError(CodeserverError):
    """Whoever started the server must act: bad option, port in use, unwritable socket."""


class NothingToServe(OperatorError):
    """Nobody has said what to load."""


class CallerError(CodeserverError):
    """The client sent something that cannot be answered; calling again unchanged will not help.

    Attributes:
        details: the same as data: of each mistake, its `type` (`field`, `resource` or
            `run_config`) and the fields of the message that `codeserver.front.rich_errors` makes
            of it.
    """

    def __init__(self, message: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.details = details


class InvalidRequest(CallerError):
    """A request field is malformed."""


class NotFound(CallerError):
    """The request names something that does not exist."""


class NotPermitted(CallerError):
    """The request asks for something that must not be served."""


class UserCodeError(CodeserverError):
    """The user's code, or the process that ran it, failed."""


class WorkerCrashed(UserCodeError):
    """A worker process ended without answering; the message says how it ended.

    Attributes:
        info: serialized `SerializableErrorInfo` with a traceback, when the process lived to make
            one; else empty.
    """

    def __init__(self, message: str, info: bytes = b"") -> None:
        super().__init__(message)
        self.info = info


class LoadsOnlyOnce(WorkerCrashed):
    """A process cannot load the code that another one has loaded.

    Attributes:
        headline: the line of the error that says what is wrong.
        error: serialized `SerializableErrorInfo` of the failed load.
    """

    def __init__(self, message: str, headline: str, error: bytes) -> None:
        super().__init__(message)
        self.headline = headline
        self.error = error


class LoadTimeout(UserCodeError):
    """Loading the user's code took longer than the start-up timeout."""


class StillLoading(CodeserverError):
    """The code is being loaded for the first time, so there is nothing to answer with yet."""


class RequestTimeout(CodeserverError):
    """The caller's deadline passed before the user's code answered."""


class Overloaded(CodeserverError):
    """Too many requests wait already; the message says what they wait for."""


class Draining(CodeserverError):
    """The server is shutting down and takes no new work of this kind."""


class ProtocolError(CodeserverError):
    """We must act: bytes between the front and a worker are not what they should be."""
