"""The three code servers, started on unix sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.calls import Calls, attempt
from bench.output import Output
from bench.processes import descendants, kill_descendants

START_SECONDS = 90.0


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
    """A running server, with default options.

    Args:
        kind: which program it is.
        folder: for all that belongs to it; it runs there.
        code: the file that it serves.

    Attributes:
        process: the process that was started.
        output: what it writes to its standard output and standard error.
        calls: what can be asked of it.
    """

    def __init__(self, kind: Kind, folder: Path, code: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.code = code
        self.home = home = folder / "home"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        socket = folder / "server.sock"
        self.calls = Calls(socket, home)
        self.process = subprocess.Popen(
            [sys.executable, *kind.arguments, "-f", str(code), "-s", str(socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(home, folder),
            start_new_session=True,
        )
        assert self.process.stdout
        self.output = Output(self.process.stdout)

    def wait_until(self, call: Callable[[], str]) -> None:
        """Wait until it answers this, which it does when it is up.

        Raises:
            RuntimeError: it does not in time.
        """
        end = time.monotonic() + START_SECONDS
        while (first := attempt(call)).error is not None:
            if self.exit_code is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.kind.label} does not start: {first.error}")
            time.sleep(0.05)

    def close(self) -> None:
        """Kill it and everything that it has started."""
        kill_descendants(self.home)
        self.process.wait()
        self.output.close()

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


def environment(home: Path, folder: Path) -> dict[str, str]:
    """Of a server with this DAGSTER_HOME: nothing that is set here decides for it."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DAGSTER_", "CODESERVER_"))
    }
    # Stock's child servers make their sockets in the folder for temporary files.
    return {**ours, "DAGSTER_HOME": str(home), "TMPDIR": str(folder)}
