"""A code location server for Dagster, and clients of it.

Importing this imports neither gRPC nor Dagster; each name is imported when it is used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from codeserver.client import AssetGraph, AsyncClient, Client, Identity, connect, connect_async
    from codeserver.client.errors import (
        ApiError,
        DeadlineExceededError,
        InvalidArgumentError,
        LoadFailedError,
        NotFoundError,
        OverloadedError,
        PermissionDeniedError,
        UnauthenticatedError,
        UnavailableError,
        UnreachableError,
        UnsupportedError,
        UserCodeCrashedError,
    )
    from codeserver.embedding import CodeServer, ServerExitedError, StartupTimeoutError
    from codeserver.errors import CodeserverError

__all__ = [
    "ApiError",
    "AssetGraph",
    "AsyncClient",
    "Client",
    "CodeServer",
    "CodeserverError",
    "DeadlineExceededError",
    "Identity",
    "InvalidArgumentError",
    "LoadFailedError",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "ServerExitedError",
    "StartupTimeoutError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnreachableError",
    "UnsupportedError",
    "UserCodeCrashedError",
    "connect",
    "connect_async",
]

_MODULES = {
    "codeserver.client": (
        "AssetGraph",
        "AsyncClient",
        "Client",
        "Identity",
        "connect",
        "connect_async",
    ),
    "codeserver.embedding": ("CodeServer", "ServerExitedError", "StartupTimeoutError"),
    "codeserver.errors": ("CodeserverError",),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = (module for module, names in _MODULES.items() if name in names)
    return getattr(import_module(next(found, "codeserver.client.errors")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
