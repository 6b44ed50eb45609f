"""Code servers, started on unix sockets, and their output."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import psutil  # type: ignore[import-untyped]

from bench.attempts import asked
from bench.client import Client
from bench.processes import descendants, eventually, kill_descendants

START_SECONDS = 90.0
SETTINGS = "telemetry:\n  enabled: false\n"
"""The minimal dagster.yaml."""


@dataclass(frozen=True)
class Kind:
    """A code server program.

    Attributes:
        key: its name in figures.
        label: its name to show.
        arguments: the arguments of Python.
        option: the option for the path of the code.
    """

    key: str
    label: str
    arguments: tuple[str, ...]
    option: str = "-f"


OURS = Kind("ours", "codeserver grpc", ("-m", "codeserver", "grpc"))
API = Kind("api", "dagster api grpc", ("-m", "dagster", "api", "grpc"))
CODE_SERVER = Kind(
    "code-server", "dagster code-server start", ("-m", "dagster", "code-server", "start")
)
KINDS = {kind.key: kind for kind in (OURS, API, CODE_SERVER)}
BAKED = replace(OURS, key="ours-snapshot", label="codeserver, snapshot")
"""Codeserver with a snapshot, whose path is to be added to the arguments."""
ECHO = Kind("echo", "bare gRPC server", (str(Path(__file__).with_name("echo.py")),))
"""A server that only sends prepared replies; it serves a folder of them."""
_READ_SIZE = 1 << 16
_REMEMBERED = 1 << 18


class Output:
    """Reads a pipe in its own thread, and hands each piece of output to `hear`, if given.

    Attributes:
        size: number of bytes read so far.
    """

    def __init__(self, pipe: IO[bytes], hear: Callable[[bytes], None] | None = None) -> None:
        self.size = 0
        self._pipe = pipe
        self._hear = hear
        self._last = b""
        self._reading = threading.Event()
        self._reading.set()
        self._thread = threading.Thread(target=self._run, name="output")
        self._thread.start()

    def _run(self) -> None:
        while data := self._pipe.read1(_READ_SIZE):  # type: ignore[attr-defined]
            self.size += len(data)
            self._last = (self._last + data)[-_REMEMBERED:]
            if self._hear is not None:
                self._hear(data)
            self._reading.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not read during the block, except for a read that is already under way."""
        self._reading.clear()
        try:
            yield
        finally:
            self._reading.set()

    @property
    def text(self) -> str:
        """The end of the output."""
        return self._last.decode(errors="replace")

    def close(self) -> None:
        """Wait for the end of the output; every process that writes to it must have ended."""
        self._thread.join()
        self._pipe.close()


class Server:
    """A running server, with default options.

    Args:
        kind: the program.
        folder: folder for all files of the server, and its working directory.
        code: the file to serve.
        settings: the content of its dagster.yaml.
        hear: called with each piece of its output, if given.

    Attributes:
        home: its DAGSTER_HOME.
        socket: its unix socket.
        began: the time of its start, on the monotonic clock.
        process: the process that was started.
        output: its standard output and standard error.
        client: a Dagster client of it.
    """

    def __init__(
        self,
        kind: Kind,
        folder: Path,
        code: Path,
        settings: str = SETTINGS,
        hear: Callable[[bytes], None] | None = None,
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.code = code
        self.home = made_home(folder, settings)
        self.socket = folder / "server.sock"
        self.client = Client(self.socket, self.home)
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, *kind.arguments, kind.option, str(code), "-s", str(self.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(self.home),
            # Ctrl-C at the terminal must reach only the bench, which then ends the server.
            start_new_session=True,
        )
        assert self.process.stdout
        self.output = Output(self.process.stdout, hear)

    def wait_until(self, is_so: Callable[[], bool], every: float = 0.05) -> None:
        """Wait until a condition of a working server holds.

        Raises:
            RuntimeError: the condition does not hold in time.
        """

        def is_over() -> bool:
            return self.exit_code is not None or is_so()

        if not eventually(is_over, START_SECONDS, every) or self.exit_code is not None:
            raise RuntimeError(f"{self.kind.label} does not start: {self.output.text}")

    def wait_until_loaded(self) -> None:
        """Wait until the server has loaded its code.

        Raises:
            RuntimeError: the code is not loaded in time.
        """
        self.wait_until(lambda: asked(self.client.list_repositories).error is None)

    def close(self) -> None:
        """Kill the server and all its descendants."""
        kill_descendants(self.home)
        self.process.wait()
        self.output.close()

    @property
    def key(self) -> str:
        """The key of its kind, for figures."""
        return self.kind.key

    @property
    def exit_code(self) -> int | None:
        """The exit code of the process that was started; negative for a signal."""
        return self.process.poll()

    @property
    def processes(self) -> list[psutil.Process]:
        """The living processes of the server."""
        if self.exit_code is not None:
            return []
        return [psutil.Process(self.process.pid), *descendants(self.process.pid)]


@contextmanager
def started(kind: Kind, place: Callable[[Path], Path]) -> Iterator[Server]:
    """A server that was just started; it and its descendants are killed at the end.

    `place` writes the code into a new folder of this path, and returns the file to serve.
    """
    with temporary_folder() as folder, ExitStack() as stack:
        yield stack.enter_context(closing(Server(kind, folder, place(folder / "code"))))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder for the block, with a path short enough for unix sockets."""
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def made_home(folder: Path, settings: str = SETTINGS) -> Path:
    """A new DAGSTER_HOME in a folder."""
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(settings, "utf-8")
    return home


def environment(home: Path) -> dict[str, str]:
    """The environment of a process with this DAGSTER_HOME, without the settings of this one."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DAGSTER_", "CODESERVER_"))
    }
    # Stock's child servers create their sockets in the folder for temporary files.
    return {**kept, "DAGSTER_HOME": str(home), "TMPDIR": str(home.parent)}
