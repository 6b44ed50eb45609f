"""Containers as processes of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Container:
    """What is to be run.

    Attributes:
        argv: program, found on the PATH of `env`, and its arguments.
        env: the whole environment.
        cwd: the working directory.
        log: file that everything is appended to that the container writes.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path


class Running(Protocol):
    """A container that runs: a session of processes, of which the first one counts."""

    pid: int

    def wait(self) -> int:
        """Wait for the end of the first process; its exit code, or minus its signal."""


Start = Callable[[Container], Running]
"""Starts a container; raises OSError if that is not possible."""


class LocalProcess:
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

    def wait(self) -> int:
        """Wait for the end; the exit code, or minus the signal."""
        return self._process.wait()


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
