"""The server under load: one `codeserver grpc` with its files, and what it printed."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from dagster import DagsterInstance

from bench.servers import OURS, SETTINGS, temporary_folder
from bench.servers import Server as AnyServer
from bench.soak.editions import Editions

# Compute logs would add four processes of Dagster to every run.
_SETTINGS = f"""{SETTINGS}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""

_DEFECTS = re.compile(
    r"this is a defect of codeserver|background task .* failed|never retrieved"
    r"|could not be marked as failed|Exception in callback|was never awaited"
)
_STOP_SECONDS = 60.0
_KEPT_LINES = 5000
_LINES_AFTER_A_DEFECT = 40


class Server(AnyServer):
    """A running server.

    Args:
        folder: folder for all files of the server.

    Attributes:
        editions: writes the file that it serves.
        defects: lines of its log that report a defect, with the lines that follow.
    """

    def __init__(self, folder: Path) -> None:
        code = folder / "code"
        code.mkdir()
        self.editions = Editions(code / "served.py")
        self.defects: list[str] = []
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._rest = b""
        self._after_defect = 0
        super().__init__(OURS, folder, code / "served.py", _SETTINGS, self._hear)

    @property
    def log(self) -> str:
        """The end of its output."""
        return "".join(self._lines)

    def stop(self) -> int | None:
        """Ask the server to end; returns its exit code, or None if it does not end in time."""
        if self.exit_code is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(_STOP_SECONDS)
        return None

    def _hear(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for raw in lines:
            line = f"{raw.decode(errors='replace')}\n"
            if len(line) < 100 or not line.rstrip().endswith("o" * 90):
                self._lines.append(line)
            if _DEFECTS.search(line):
                self.defects.append("")
                self._after_defect = _LINES_AFTER_A_DEFECT
            if self._after_defect:
                self._after_defect -= 1
                self.defects[-1] += line


@contextlib.contextmanager
def serving() -> Iterator[tuple[Server, DagsterInstance]]:
    """A server and its instance, for the block."""
    with temporary_folder() as folder, contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.closing(Server(folder)))
        instance = stack.enter_context(DagsterInstance.from_ref(server.client.instance_ref))
        instance.get_runs_count()  # makes the tables, which the server's processes would race for
        server.wait_until_loaded()
        yield server, instance
