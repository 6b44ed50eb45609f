"""Containers whose `dagster` has its imports behind it.

Half a dozen runs are twenty pods, and each would spend seconds of CPU on importing Dagster, boto3
and the Kubernetes client. Here one process has imported them and forks every container, which then
does what it would do anyway: it gets the pod's environment and arguments, and `dagster` is called
with them; user code is imported by the container. Any other program is executed as usual.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.kube.processes import Container, End, Running, Session, Start

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "tests.support.kube.warm_program"


class _Forked(Session):
    """A container that another process has forked, and that a shim waits for."""

    def __init__(self, address: Path, container: Container) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(address))
            self._shim = connection.makefile("rw")
        order = {
            "argv": list(container.argv),
            "env": dict(container.env),
            "cwd": str(container.cwd or "/"),
            "log": str(container.log),
        }
        self._shim.write(json.dumps(order) + "\n")
        self._shim.flush()
        self.pid = self._number("start")

    def wait(self) -> End:
        """Wait for the end."""
        with self._shim:
            return End(self._number("end"))

    def _number(self, what: str) -> int:
        line = self._shim.readline()
        if not line:
            raise OSError(f"the container did not {what}")
        return int(line)


@contextlib.contextmanager
def warm_processes(env: Mapping[str, str]) -> Iterator[Start]:
    """What starts containers, for a `Cluster`; `env` is that of their imports."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address = Path(folder) / "orders.sock"

        def start(container: Container) -> Running:
            return _Forked(address, container)

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
            listener.listen()
            process = subprocess.Popen(
                [sys.executable, "-m", PROGRAM, str(listener.fileno())],
                stdin=subprocess.PIPE,  # it ends when this does
                cwd=ROOT,
                env=dict(env),
                pass_fds=[listener.fileno()],
            )
        try:
            yield start
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait()
