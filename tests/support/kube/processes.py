"""What a node runs, and containers as processes of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Mount:
    """A part of the file system that a container has besides those of its image.

    Attributes:
        target: where it is in the container.
        source: the file or folder of this machine; an empty folder of its own if None.
        read_only: whether the container may only read it.
    """

    target: str
    source: Path | None = None
    read_only: bool = False


@dataclass(frozen=True)
class Container:
    """What is to be run.

    Attributes:
        image: the name of the image.
        argv: program, found on the PATH of `env`, and its arguments.
        env: the whole environment, but for what the image brings.
        cwd: the working directory; the image's if None.
        log: file that everything is appended to that the container writes.
        mounts: its volumes, for what can mount them.
        spec: the pod's words about the container, for what can limit it.
    """

    image: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path | None
    log: Path
    mounts: Sequence[Mount] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """How the first process of a container has ended.

    Attributes:
        code: its exit code, or minus its signal.
        out_of_memory: whether that was because it took more than its limit.
    """

    code: int
    out_of_memory: bool = False


class Running(Protocol):
    """A container that runs: some processes, of which the first one counts."""

    def wait(self) -> End:
        """Wait for the end of the first process."""

    def terminate(self) -> None:
        """Ask the first process to end (SIGTERM)."""

    def kill(self) -> None:
        """Kill all of its processes."""

    def remove(self) -> None:
        """Take away what is left of it after the end of the first process."""


Start = Callable[[Container], Running]
"""Starts a container; raises OSError if that is not possible."""


class Session:
    """A container that is a session of processes of this machine; mounts and limits it has none.

    Attributes:
        pid: the first process, which leads the session.
    """

    pid: int

    def terminate(self) -> None:
        """Ask the first process to end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill all of its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # it may not lead the session yet
        self.remove()

    def remove(self) -> None:
        """The other processes end with the first one."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


class LocalProcess(Session):
    """A container that is a child of this process."""

    def __init__(self, container: Container) -> None:
        with container.log.open("ab") as log:
            self._process = subprocess.Popen(
                container.argv,
                # Popen would look for the program on this process's PATH.
                executable=_on_path(container),
                env=dict(container.env),
                cwd=container.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait(self) -> End:
        """Wait for the end."""
        return End(self._process.wait())


def start_process(container: Container) -> Running:
    """Start a container as a child of this process."""
    return LocalProcess(container)


def _on_path(container: Container) -> str:
    program = container.argv[0]
    for folder in [""] if "/" in program else os.get_exec_path(container.env):
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f'exec: "{program}": executable file not found in $PATH')
