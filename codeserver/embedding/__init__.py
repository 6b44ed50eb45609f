"""A code server that starts and ends with a block of a program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from codeserver.config import settings
from codeserver.embedding import first_load
from codeserver.embedding.first_load import ServerExitedError, StartupTimeoutError
from codeserver.embedding.owned_server import OwnedServer
from codeserver.errors import CodeserverError

if TYPE_CHECKING:
    from codeserver.api import v1
    from codeserver.client import AsyncClient, Client

__all__ = ["CodeServer", "ServerExitedError", "StartupTimeoutError"]

_DEFAULT_STARTUP, _DEFAULT_GRACE, _DEFAULT_TIMEOUT = 180.0, 30.0, 60.0

_NOT_STARTED = "This server is not started; use it in a `with` statement."

_LONGEST_FOLDER = 80
"""In bytes. The path of a unix socket may have 104 to 108 bytes, depending on the system."""

_OF_ANOTHER = ("host", "port", "socket", "snapshot", "locations")
"""Settings of another server. A snapshot is one, because `CodeServer` waits for the code itself."""

_TARGET = (
    *("python_file", "module_name", "package_name", "autoload_defs_module_name"),
    *("attribute", "working_directory", "empty_working_directory"),
)


class CodeServer:
    """Serves Dagster definitions to this program, and to every client of its address.

    It is a context manager for `with` and `async with`. It starts `codeserver grpc` as a child
    process and waits until the code is loaded. The child ends with the block, or when this process
    is killed. Without a target, it serves that of the `pyproject.toml` in its directory.

    ::

        with CodeServer(python_file="repo.py") as server, server.connect() as client:
            print([job.name for job in client.jobs()])

    Args:
        python_file: file with definitions at its top level.
        module_name: module with definitions at its top level.
        package_name: installed package with definitions at its top level.
        autoload_defs_module_name: module whose submodules are searched for definitions.
        working_directory: root directory of the code's imports. Default: `cwd`.
        attribute: the one definition to load.
        python: Python that loads and runs the code, instead of this one.
        host: host name or address to serve on, instead of a private unix socket.
        port: port to serve on, instead of a private unix socket; 0 for a free one.
        options: further options of `codeserver grpc`, such as `["--watch"]`.
        cwd: directory of the server and of relative paths. Default: the current one.
        env: environment variables for the server, in addition to those of this process.
        log: file that its log is appended to.
        startup_timeout: limit of the load in seconds, with the start of the server.
        allow_failure: serve the error of code that does not load, instead of raising
            `LoadFailedError`.
    """

    def __init__(
        self,
        *,
        python_file: str | os.PathLike[str] | None = None,
        module_name: str | None = None,
        package_name: str | None = None,
        autoload_defs_module_name: str | None = None,
        working_directory: str | os.PathLike[str] | None = None,
        attribute: str | None = None,
        python: str | os.PathLike[str] | None = None,
        host: str | None = None,
        port: int | None = None,
        options: Sequence[str] = (),
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        log: str | os.PathLike[str] | None = None,
        startup_timeout: float = _DEFAULT_STARTUP,
        allow_failure: bool = False,
    ) -> None:
        given = {
            "--python-file": python_file,
            "--module-name": module_name,
            "--package-name": package_name,
            "--autoload-defs-module-name": autoload_defs_module_name,
            "--attribute": attribute,
            "--working-directory": working_directory,
        }
        self._target = {flag: os.fspath(value) for flag, value in given.items() if value}
        self._code = {**self._target, **({"--python": os.fspath(python)} if python else {})}
        self._host, self._port = host, port
        self._options = options
        self._cwd = Path(cwd) if cwd is not None else None
        self._env = dict(env or {})
        self._log = Path(log) if log is not None else None
        self._startup_timeout = startup_timeout
        self._allow_failure = allow_failure
        self._server: OwnedServer | None = None
        self._stack = contextlib.ExitStack()
        self._address = ""
        self._location: v1.Location | None = None

    def __enter__(self) -> CodeServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> CodeServer:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            if self._server is not None:
                self._server.kill()
            with contextlib.suppress(CodeserverError):
                await starting
            await asyncio.to_thread(self.stop)
            raise

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> CodeServer:
        """Start the server, and wait until the code is loaded.

        Raises:
            LoadFailedError: the code does not load.
            ServerExitedError: the server has ended by itself, such as for a mistake in its options.
            StartupTimeoutError: the code was not loaded in time.
            OSError: a process or file cannot be made.
        """
        if self._server is not None:
            raise CodeserverError("This server was started already; make another CodeServer.")
        deadline = time.monotonic() + self._startup_timeout
        with contextlib.ExitStack() as undo:
            if self._host is None and self._port is None:
                folder = _private_folder(undo)
                address = ["--socket", os.path.join(folder, "s")]
            else:
                folder = ""
                address = ["--host", self._host or "localhost", "--port", str(self._port or 0)]
            self._server = OwnedServer(
                [*address, *chain.from_iterable(self._code.items()), *self._options],
                folder=folder,
                env=self._environment(),
                cwd=self._cwd,
                log=self._log,
            )
            undo.callback(self._server.stop, 0.0)
            self._address = first_load.address_of(self._server, deadline)
            self._location = first_load.location_of(self._server, self._address, deadline)
            if not self._allow_failure:
                first_load.check(self._location)
            self._stack = undo.pop_all()
        return self

    def stop(self, grace: float = _DEFAULT_GRACE) -> None:
        """End the server, and wait for its end. A second call does nothing.

        Args:
            grace: seconds for requests and runs to finish.
        """
        if self._server is not None and self._server.is_ours:
            self._server.stop(grace)
            self._stack.close()

    @property
    def address(self) -> str:
        """The address of the server, for `codeserver.connect` and all gRPC clients.

        Raises:
            CodeserverError: it is not started.
        """
        if not self._address:
            raise CodeserverError(_NOT_STARTED)
        return self._address

    @property
    def location(self) -> v1.Location:
        """The location after the first load. `connect().location()` is the present one.

        Raises:
            CodeserverError: it is not started.
        """
        if self._location is None:
            raise CodeserverError(_NOT_STARTED)
        return self._location

    @property
    def output(self) -> str:
        """The last 64 KiB of its log, which has the output of the code, too."""
        return self._server.output if self._server is not None else ""

    def connect(self, *, timeout: float | None = _DEFAULT_TIMEOUT) -> Client:
        """A client of the server; see `codeserver.connect`."""
        from codeserver.client import connect

        return connect(self.address, timeout=timeout)

    def connect_async(self, *, timeout: float | None = _DEFAULT_TIMEOUT) -> AsyncClient:
        """An asynchronous client of the server; see `codeserver.connect_async`."""
        from codeserver.client import connect_async

        return connect_async(self.address, timeout=timeout)

    def _environment(self) -> dict[str, str]:
        """The variables of this process, without settings of another server, and `env`."""
        not_ours = (*_OF_ANOTHER, *(_TARGET if self._target else ()))
        names = {
            name for each in settings() if each.name in not_ours for name in each.all_variables
        }
        inherited = {name: value for name, value in os.environ.items() if name not in names}
        return {**inherited, **self._env}


def _private_folder(stack: contextlib.ExitStack) -> str:
    """A folder for the socket, with a short path, that only this user can enter."""
    base = tempfile.gettempdir()
    short = base if len(os.fsencode(base)) <= _LONGEST_FOLDER else "/tmp"
    folder = tempfile.mkdtemp(prefix="codeserver-", dir=short)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder
