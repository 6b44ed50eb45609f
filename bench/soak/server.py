"""The server under load: one `codeserver grpc`, the editions of its file, and its log."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from dagster import DagsterInstance

from bench.servers import OURS, SETTINGS, temporary_folder
from bench.servers import Server as AnyServer
from bench.soak import definitions
from bench.subjects import save

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


_SOURCE = Path(definitions.__file__)
_LINE = "\nEDITION = 0\n"

BREAKAGES = {
    "raises": ("raise RuntimeError('this edition is broken')", "this edition is broken"),
    "is no Python": ("def :", "SyntaxError"),
    "imports a missing module": ("import no_such_module", "no_such_module"),
    "exits": ("os._exit(3)", "exited with code 3"),
    "asks to exit": ("sys.exit('this edition exits')", "this edition exits"),
    "segfaults": ("ctypes.string_at(0)", "SIGSEGV"),
    "defines a job twice": ("other = dg.Definitions(jobs=[quick])", "(?i)definitions"),
}
"""The code that breaks an edition, with a pattern of the error."""


class Wholeness:
    """A lock: many threads may rely on a whole file on disk, or one thread may break it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._relying = 0
        self._is_broken = False

    @contextmanager
    def relied_on(self) -> Iterator[None]:
        """Keep the file whole during the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_broken)
            self._relying += 1
        try:
            yield
        finally:
            with self._changed:
                self._relying -= 1
                self._changed.notify_all()

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Let the caller break the file during the block; only one thread may do this."""
        with self._changed:
            self._is_broken = True  # threads that come from now on wait
            self._changed.wait_for(lambda: not self._relying)
        try:
            yield
        finally:
            with self._changed:
                self._is_broken = False
                self._changed.notify_all()


class Editions:
    """Writes the file that is served: each reload loads another edition, some of them broken.

    Attributes:
        whole: the lock for the wholeness of the file.
        oldest: the oldest edition that a reply may come from now.
        newest: the last whole edition on disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = _SOURCE.read_text("utf-8")
        assert self._source.count(_LINE) == 1
        self.whole = Wholeness()
        self.oldest = 0
        self.newest = 0
        self.write()

    def write(self) -> int:
        """Write another whole edition; returns its number."""
        number = self.newest + 1
        # Before the write, because a load may read the file at once.
        self.newest = number
        save(self._path, self._source.replace(_LINE, f"\nEDITION = {number}\n"))
        return number

    def write_broken(self, breakage: str) -> str:
        """Write an edition that cannot be loaded; returns a pattern of the expected error."""
        addition, pattern = BREAKAGES[breakage]
        save(self._path, f"{self._source}\n{addition}\n")
        return pattern


class Server(AnyServer):
    """A running server with all its files in a folder.

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
        with suppress(subprocess.TimeoutExpired):
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


@contextmanager
def serving() -> Iterator[tuple[Server, DagsterInstance]]:
    """A server and its instance, for the block."""
    with temporary_folder() as folder, ExitStack() as stack:
        server = stack.enter_context(closing(Server(folder)))
        instance = stack.enter_context(DagsterInstance.from_ref(server.client.instance_ref))
        instance.get_runs_count()  # makes the tables, which the server's processes would race for
        server.wait_until_loaded()
        yield server, instance
