"""The server under load: one `codeserver grpc` with its files, and what it printed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import grpc
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from bench.soak.calling import connect
from bench.soak.editions import Editions

# Compute logs would give every run four more processes, which are Dagster's affair.
_DAGSTER_YAML = """
telemetry:
  enabled: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""

_DEFECTS = re.compile(
    r"this is a defect of codeserver|background task .* failed|never retrieved"
    r"|could not be marked as failed|Exception in callback|was never awaited"
)
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_KEPT_LINES = 5000
_LINES_AFTER_A_DEFECT = 40


class Server:
    """A running server.

    Attributes:
        work: folder with everything it has to do with.
        socket: where it serves.
        editions: the file that it serves.
        process: its front.
        defects: lines of its log that speak of a defect, with what follows.
    """

    def __init__(self, work: Path) -> None:
        self.work = work
        self.socket = work / "socket"
        self.home = work / "home"
        self.defects: list[str] = []
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        code = work / "code"
        for folder in (self.home, code):
            folder.mkdir()
        (self.home / "dagster.yaml").write_text(_DAGSTER_YAML, "utf-8")
        self.editions = Editions(code / "served.py")
        command = [sys.executable, "-m", "codeserver", "grpc", "-f", "served.py"]
        self.process = subprocess.Popen(
            [*command, "-s", str(self.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=code,
            env={**os.environ, "DAGSTER_HOME": str(self.home)},
            # Ctrl-C at the terminal is for the soak, which then ends the server.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="server output", daemon=True)
        self._reader.start()

    @property
    def instance_ref(self) -> InstanceRef:
        """The instance that it is for."""
        return InstanceRef.from_dir(str(self.home))

    @property
    def log(self) -> str:
        """The end of what it printed."""
        return "".join(self._lines)

    def wait_until_connected(self) -> None:
        """Wait until it accepts connections.

        Raises:
            RuntimeError: it does not.
        """
        with connect(self.socket) as channel:
            try:
                grpc.channel_ready_future(channel).result(_START_SECONDS)
            except grpc.FutureTimeoutError:
                raise RuntimeError(f"the server did not start:\n{self.log}") from None

    def stop(self) -> int | None:
        """Ask it to end; its exit code, None when it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it in any case, and let go of it."""
        self.process.kill()
        self.process.wait()
        self._reader.join(1.0)

    def _read(self) -> None:
        assert self.process.stdout
        after_defect = 0
        with self.process.stdout as output:
            for raw in output:
                line = raw.decode(errors="replace")
                if len(line) < 100 or not line.rstrip().endswith("o" * 90):
                    self._lines.append(line)
                if _DEFECTS.search(line):
                    self.defects.append("")
                    after_defect = _LINES_AFTER_A_DEFECT
                if after_defect:
                    after_defect -= 1
                    self.defects[-1] += line


@contextlib.contextmanager
def serving() -> Iterator[tuple[Server, DagsterInstance]]:
    """A server, and the instance that it is for, until the end of the block."""
    # Short enough for a unix socket.
    work = Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        server = Server(work)
        stack.callback(server.kill)
        instance = stack.enter_context(DagsterInstance.from_ref(server.instance_ref))
        instance.get_runs_count()  # makes the tables, which the server's processes would race for
        server.wait_until_connected()
        yield server, instance
