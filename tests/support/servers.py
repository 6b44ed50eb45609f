"""Start real code servers (ours and stock) as processes, and talk to them with Dagster's client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from dagster._grpc.client import DagsterGrpcClient

from tests.support.eventually import PATIENCE
from tests.support.printed import Printed

OURS: tuple[str, ...] = (sys.executable, "-m", "codeserver", "grpc")
OURS_WARM: tuple[str, ...] = (*OURS, "--runs", "warm")
"""For tests that are not about runs: nothing is rehearsed while they look at processes."""
STOCK_API_GRPC: tuple[str, ...] = (sys.executable, "-m", "dagster", "api", "grpc")
STOCK_CODE_SERVER: tuple[str, ...] = (sys.executable, "-m", "dagster", "code-server", "start")

_PATIENT = {"CODESERVER_FIRST_LOAD_WAIT": "0"}
"""On a busy machine a first load may take longer than clients wait for it by default."""


@dataclass
class ServerProcess:
    """A running code server on a unix socket; a context manager that stops it.

    Attributes:
        socket: path of the unix socket it serves on.
    """

    command: Sequence[str]
    socket: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None

    def __enter__(self) -> ServerProcess:
        self.process = subprocess.Popen(
            [*self.command, "-s", str(self.socket)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=self.cwd,
            env={**_PATIENT, **os.environ, **self.env},
        )
        assert self.process.stdout
        self._printed = Printed(self.process.stdout)
        try:
            with grpc.insecure_channel(f"unix:{self.socket}") as channel:
                ready = grpc.channel_ready_future(channel)
                end = threading.Thread(target=_fail_fast, args=(self.process, ready), daemon=True)
                end.start()
                ready.result(timeout=PATIENCE)
        except BaseException:
            self.stop()
            raise AssertionError("server did not start:\n" + self.text) from None
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Send SIGTERM, wait, and return the exit code; kill what does not end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        self._printed.close(PATIENCE)
        return code

    @property
    def client(self) -> DagsterGrpcClient:
        """Dagster's own client, connected to this server."""
        return DagsterGrpcClient(socket=str(self.socket))

    @property
    def text(self) -> str:
        """Everything the server wrote so far, to stdout and stderr."""
        return self._printed.text


def _fail_fast(process: subprocess.Popen[bytes], ready: grpc.Future) -> None:
    process.wait()
    ready.cancel()
