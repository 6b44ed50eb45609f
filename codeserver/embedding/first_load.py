"""Waits until an embedded server has loaded its code, or raises an error that says why not."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from codeserver.embedding.owned_server import OwnedServer
from codeserver.errors import CodeserverError

if TYPE_CHECKING:
    from codeserver.api import v1

_ENDING_SECONDS = 10.0
_ANY_INTERFACE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


class ServerExitedError(CodeserverError):
    """An embedded server has ended by itself.

    Attributes:
        code: its exit code; negative for a signal.
        output: the last lines of its output.
    """

    def __init__(self, message: str, code: int, output: str) -> None:
        super().__init__(message)
        self.code = code
        self.output = output

    def __reduce__(self) -> tuple[type[ServerExitedError], tuple[str, int, str]]:
        return type(self), (str(self), self.code, self.output)


class StartupTimeoutError(CodeserverError, TimeoutError):
    """An embedded server was not ready in time; the message ends with its last lines."""


def address_of(server: OwnedServer, deadline: float) -> str:
    """The address of a server that was just started, for clients on this machine.

    Raises:
        ServerExitedError: the server has ended.
        StartupTimeoutError: the server does not listen in time.
    """
    try:
        address = server.wait_until_listening(deadline)
    except TimeoutError:
        raise _too_late(server) from None
    if not address:
        raise _exited(server)
    host, colon, port = address.rpartition(":")
    return f"{_ANY_INTERFACE.get(host, host)}{colon}{port}"


def location_of(server: OwnedServer, address: str, deadline: float) -> v1.Location:
    """The location at the end of its first load.

    Raises:
        ServerExitedError: the server has ended.
        StartupTimeoutError: the load has not ended in time.
    """
    from codeserver.api.v1 import Location
    from codeserver.client import connect
    from codeserver.client.errors import DeadlineExceededError, UnavailableError

    limit = max(deadline - time.monotonic(), 0.001)
    with connect(address) as client, contextlib.closing(client.watch(timeout=limit)) as states:
        try:
            location = next(
                each.location for each in states if each.location.state != Location.STATE_LOADING
            )
        except DeadlineExceededError:
            raise _too_late(server) from None
        except (UnavailableError, StopIteration):
            raise _exited(server) from None
    if location.state in (Location.STATE_DRAINING, Location.STATE_STOPPED):
        raise _exited(server)
    return location


def check(location: v1.Location) -> None:
    """Raise `LoadFailedError` unless the code is loaded; from Python 3.11, with the traceback."""
    from codeserver.client.errors import LoadFailedError

    if location.state != location.STATE_FAILED:
        return
    error = location.load_error
    what = f"{error.type}: {error.message}".removeprefix(": ")
    message = f"{location.name} does not load: {' '.join(what.split())}"
    failed = LoadFailedError("FAILED_PRECONDITION", message, [error])
    if hasattr(failed, "add_note"):
        failed.add_note(error.text)
    raise failed


def _too_late(server: OwnedServer) -> StartupTimeoutError:
    server.kill()
    return StartupTimeoutError(
        "The code was not loaded in time; give a longer startup_timeout."
        + _quoted(server.last_words())
    )


def _exited(server: OwnedServer) -> ServerExitedError:
    code = server.wait_for_end(_ENDING_SECONDS)
    if code is None:
        server.kill()
        code = server.process.wait()
    words = server.last_words()
    return ServerExitedError(
        f"The server has ended with exit code {code} before the code was loaded.{_quoted(words)}",
        code,
        words,
    )


def _quoted(words: str) -> str:
    return f" Its last lines:\n{words}" if words else ""
