"""A server that harm is done to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

import bench.servers
from bench.faults.turns import Turn
from bench.processes import Usage, name_of, usage
from bench.servers import Kind

_CODE = Path(__file__).with_name("user_code.py")
_HOST = "codeserver host"
_WARM_CALLS = 20


class Server(bench.servers.Server):
    """A running server with the code that does harm.

    Args:
        kind: which program it is.
        folder: an empty folder for all that belongs to it.
        turn: of the measurement that it is for.

    Attributes:
        code: the file that it serves; a copy that may be changed.
    """

    def __init__(self, kind: Kind, folder: Path, turn: Turn) -> None:
        super().__init__(kind, folder, Path(shutil.copy(_CODE, folder)))
        self.turn = turn

    def warm_up(self) -> None:
        """Wait until it answers everything, then ask it a little more."""
        self.wait_until(lambda: self.calls.tick("healthy"))
        for _ in range(_WARM_CALLS):
            self.calls.server_id()
            self.calls.health()
            self.calls.list_repositories()
            self.calls.tick("healthy")

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


@contextmanager
def serving(kind: Kind, turn: Turn) -> Iterator[Server]:
    """A warm server; it and everything that it has started is killed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder,
        closing(Server(kind, Path(folder), turn)) as server,
    ):
        server.warm_up()
        yield server
