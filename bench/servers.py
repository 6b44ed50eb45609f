"""Code servers, started on unix sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil  # type: ignore[import-untyped]

from bench.attempts import asked
from bench.client import Client
from bench.output import Output
from bench.processes import descendants, kill_descendants

START_SECONDS = 90.0
SETTINGS = "telemetry:\n  enabled: false\n"
"""The least that is in dagster.yaml."""


@dataclass(frozen=True)
class Kind:
    """A program that serves code.

    Attributes:
        key: its name on the command line.
        label: what people type to start it.
        arguments: of Python, to start it.
    """

    key: str
    label: str
    arguments: tuple[str, ...]


OURS = Kind("ours", "codeserver grpc", ("-m", "codeserver", "grpc"))
API = Kind("api", "dagster api grpc", ("-m", "dagster", "api", "grpc"))
CODE_SERVER = Kind(
    "code-server", "dagster code-server start", ("-m", "dagster", "code-server", "start")
)
KINDS = {kind.key: kind for kind in (OURS, API, CODE_SERVER)}


class Server:
    """A running server, with default options.

    Args:
        kind: which program it is.
        folder: for all that belongs to it; it runs there.
        code: the file that it serves.
        settings: its dagster.yaml.
        hear: gets all that it prints, if given.

    Attributes:
        home: its DAGSTER_HOME.
        socket: what it serves on.
        began: when it was started, on the monotonic clock.
        process: the process that was started.
        output: what it writes to its standard output and standard error.
        client: Dagster's client of it.
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
            [sys.executable, *kind.arguments, "-f", str(code), "-s", str(self.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(self.home),
            # Ctrl-C at the terminal is for the bench, which then ends the server.
            start_new_session=True,
        )
        assert self.process.stdout
        self.output = Output(self.process.stdout, hear)

    def wait_until(self, is_so: Callable[[], bool], every: float = 0.05) -> None:
        """Wait until something is so, which it is when the server is up.

        Raises:
            RuntimeError: it is not in time.
        """
        end = time.monotonic() + START_SECONDS
        while not is_so():
            if self.exit_code is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.kind.label} does not start: {self.output.text}")
            time.sleep(every)

    def wait_until_loaded(self) -> None:
        """Wait until it answers with the code that it has loaded.

        Raises:
            RuntimeError: it does not in time.
        """
        self.wait_until(lambda: asked(self.client.list_repositories).error is None)

    def close(self) -> None:
        """Kill it and everything that it has started."""
        kill_descendants(self.home)
        self.process.wait()
        self.output.close()

    @property
    def key(self) -> str:
        """Of its kind, for figures."""
        return self.kind.key

    @property
    def exit_code(self) -> int | None:
        """The exit code of the process that was started; negative for a signal."""
        return self.process.poll()

    @property
    def processes(self) -> list[psutil.Process]:
        """Its living processes."""
        if self.exit_code is not None:
            return []
        return [psutil.Process(self.process.pid), *descendants(self.process.pid)]


@contextmanager
def started(kind: Kind, place: Callable[[Path], Path]) -> Iterator[Server]:
    """A server that was just started; all that it has started is killed at the end.

    Args:
        kind: which program it is.
        place: writes the code into a folder that is not there yet; returns the file to serve.
    """
    with temporary_folder() as folder, ExitStack() as stack:
        yield stack.enter_context(closing(Server(kind, folder, place(folder / "code"))))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone at the end; its path is short enough for sockets in it."""
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def made_home(folder: Path, settings: str = SETTINGS) -> Path:
    """A new DAGSTER_HOME in a folder."""
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(settings, "utf-8")
    return home


def environment(home: Path) -> dict[str, str]:
    """Of a process with this DAGSTER_HOME: nothing that is set here decides for it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DAGSTER_", "CODESERVER_"))
    }
    # Stock's child servers make their sockets in the folder for temporary files.
    return {**kept, "DAGSTER_HOME": str(home), "TMPDIR": str(home.parent)}
