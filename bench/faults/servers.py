"""The three code servers, started on unix sockets with the same code and default options."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.faults.calls import Calls, attempt
from bench.faults.output import Output
from bench.faults.processes import Usage, descendants, kill_descendants, name_of, usage
from bench.faults.turns import Turn

START_SECONDS = 90.0

_CODE = Path(__file__).with_name("user_code.py")
_HOST = "codeserver host"
_WARM_CALLS = 20


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


KINDS = {
    kind.key: kind
    for kind in (
        Kind("ours", "codeserver grpc", ("-m", "codeserver", "grpc")),
        Kind("api", "dagster api grpc", ("-m", "dagster", "api", "grpc")),
        Kind(
            "code-server",
            "dagster code-server start",
            ("-m", "dagster", "code-server", "start"),
        ),
    )
}


class Server:
    """A running server.

    Args:
        kind: which program it is.
        folder: an empty folder for all that belongs to it.
        turn: of the measurement that it is for.

    Attributes:
        code: the file that it serves; a copy that may be changed.
        process: the process that was started.
        output: what it writes to its standard output and standard error.
        calls: what can be asked of it.
    """

    def __init__(self, kind: Kind, folder: Path, turn: Turn) -> None:
        self.kind = kind
        self.folder = folder
        self.turn = turn
        self.home = home = folder / "home"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        self.code = folder / _CODE.name
        shutil.copy(_CODE, self.code)
        socket = folder / "server.sock"
        self.calls = Calls(socket, home)
        self.process = subprocess.Popen(
            [sys.executable, *kind.arguments, "-f", str(self.code), "-s", str(socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(home, folder),
            start_new_session=True,
        )
        assert self.process.stdout
        self.output = Output(self.process.stdout)

    def warm_up(self) -> None:
        """Wait until it answers everything, then ask it a little more.

        Raises:
            RuntimeError: it does not in time.
        """
        end = time.monotonic() + START_SECONDS
        while (first := attempt(lambda: self.calls.tick("healthy"))).error is not None:
            if self.exit_code is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.kind.label} does not start: {first.error}")
            time.sleep(0.05)
        for _ in range(_WARM_CALLS):
            self.calls.server_id()
            self.calls.health()
            self.calls.list_repositories()
            self.calls.tick("healthy")

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

    @property
    def usage(self) -> Usage:
        """What its processes take."""
        return usage(self.processes)

    @property
    def code_process(self) -> psutil.Process:
        """The process that has the user's code, and evaluates it or is forked for that."""
        main, *children = self.processes
        if self.kind.key == "api":
            return main
        if self.kind.key == "code-server":
            (found,) = (child for child in children if "api" in child.cmdline())
        else:
            (found,) = (child for child in children if name_of(child) == _HOST)
        return found


def _environment(home: Path, folder: Path) -> dict[str, str]:
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DAGSTER_", "CODESERVER_"))
    }
    # Stock's child servers make their sockets in the folder for temporary files.
    return {**ours, "DAGSTER_HOME": str(home), "TMPDIR": str(folder)}


@contextlib.contextmanager
def serving(kind: Kind, turn: Turn) -> Iterator[Server]:
    """A warm server; it and everything that it has started is killed at the end."""
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        server = Server(kind, Path(folder), turn)
        try:
            server.warm_up()
            yield server
        finally:
            kill_descendants(server.home)
            server.process.wait()
            server.output.close()
