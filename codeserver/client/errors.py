"""Errors of calls to a code location, classed by the remedy of the caller.

This module imports neither gRPC nor protobuf, so every program can tell the errors apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from codeserver.errors import CodeserverError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from codeserver.api import v1


class ApiError(CodeserverError):
    """A call that failed.

    Args:
        code: name of the gRPC status, such as `NOT_FOUND`.
        message: the problem and its remedy, in one line.
        details: messages of the server about the error, if any.

    Attributes:
        code: name of the gRPC status.
        message: the problem and its remedy, in one line.
        details: messages such as `google.rpc.BadRequest` and `RunConfigError`. A message of a type
            unknown to this client is a `google.protobuf.Any`.
    """

    def __init__(self, code: str, message: str, details: Iterable[Message] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: Sequence[Message] = tuple(details)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message, self.details)

    def _named(self, kind: str) -> list[Any]:
        return [each for each in self.details if each.DESCRIPTOR.full_name == kind]


class NotFoundError(ApiError):
    """There is no such location, job, asset or repository; the message suggests the nearest."""

    @property
    def resource_type(self) -> str:
        """The type of the missing thing, such as `location` or `job`. Empty if unknown."""
        return self._resource()[0]

    @property
    def resource_name(self) -> str:
        """The name that was not found. Empty if unknown."""
        return self._resource()[1]

    def _resource(self) -> tuple[str, str]:
        for each in self._named("google.rpc.ResourceInfo"):
            return each.resource_type, each.resource_name
        return "", ""


class InvalidArgumentError(ApiError):
    """An argument is not valid: run config, a selection, a partition key."""

    @property
    def run_config_errors(self) -> Sequence[v1.RunConfigError]:
        """The mistakes in the run config. The server leaves some out if there are very many."""
        return self._named("codeserver.api.v1.RunConfigError")

    @property
    def fields(self) -> Mapping[str, str]:
        """The problem of each invalid field of the request."""
        found: dict[str, str] = {}
        for request in self._named("google.rpc.BadRequest"):
            for each in request.field_violations:
                known = found.get(each.field)
                found[each.field] = f"{known}; {each.description}" if known else each.description
        return found


class _WithLoadError(ApiError):
    @property
    def load_error(self) -> v1.LoadError:
        """The exception as data; its `text` is for a terminal.

        It has only the message if the server has sent no more.
        """
        from codeserver.api import v1

        sent = self._named("codeserver.api.v1.LoadError")
        return sent[0] if sent else v1.LoadError(message=self.message, text=self.message)


class LoadFailedError(_WithLoadError):
    """The user's code does not load, so the server cannot answer."""


class UserCodeCrashedError(_WithLoadError):
    """The user's code, or the process with it, failed during the call."""


class DeadlineExceededError(ApiError, TimeoutError):
    """The call had no answer within its timeout."""


class UnauthenticatedError(ApiError):
    """The server wants a token or a certificate that it knows, and the call has none."""


class PermissionDeniedError(ApiError):
    """The caller may not make this call; the message names the role that it needs."""


class OverloadedError(ApiError):
    """Too many calls wait already; the message says what they wait for. Try later."""


class UnavailableError(ApiError):
    """The server is shutting down, or cannot be reached."""


class UnreachableError(UnavailableError):
    """No gRPC server listens at the address."""


class UnsupportedError(ApiError):
    """The server does not know the RPC: it is older than this client, or it is not codeserver."""


BY_STATUS: Mapping[str, type[ApiError]] = {
    "INVALID_ARGUMENT": InvalidArgumentError,
    "NOT_FOUND": NotFoundError,
    "FAILED_PRECONDITION": LoadFailedError,
    "INTERNAL": UserCodeCrashedError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "UNAUTHENTICATED": UnauthenticatedError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "RESOURCE_EXHAUSTED": OverloadedError,
    "UNAVAILABLE": UnavailableError,
    "UNIMPLEMENTED": UnsupportedError,
}
"""The class of an error by its gRPC status. Errors of all other statuses are plain `ApiError`s."""
