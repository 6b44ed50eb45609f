"""The processes of a server over time: number and memory by role, and leftovers."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, field

import psutil  # type: ignore[import-untyped]

from bench.processes import name_of

_ROLES = {
    "codeserver fork": "forkserver",
    "codeserver host": "host",
    "codeserver eval": "evaluator",
    "codeserver run": "run",
    "codeserver snap": "snapshots",
    "codeserver care": "caretaker",
}
"""Roles by process name, of which the kernel keeps 15 bytes."""

AHEAD = frozenset({"codeserver temp", "codeserver rehe", "codeserver valu"})
"""Names of processes that prepare runs, and may start and end at any time."""


@dataclass
class Sample:
    """A sample of the process tree.

    Attributes:
        at: seconds since the soak began.
        numbers: number of processes, by role.
        rss: resident bytes, by role.
        pss: bytes with shared pages divided among their users, by role.
        zombies: number of ended processes that their parents have not reaped.
        fds: number of file descriptors of the front.
        threads: number of threads of the front.
    """

    at: float
    numbers: Counter[str] = field(default_factory=Counter)
    rss: Counter[str] = field(default_factory=Counter)
    pss: Counter[str] = field(default_factory=Counter)
    zombies: int = 0
    fds: int = 0
    threads: int = 0


def role_of(process: psutil.Process) -> str:
    """The role of a process; empty if it has ended."""
    name = name_of(process)
    return _ROLES.get(name, name)


def workers(above: int, *roles: str) -> list[psutil.Process]:
    """The descendants of a process with one of these roles, or with any; includes zombies."""
    try:
        found = psutil.Process(above).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in found if not roles or role_of(process) in roles]


def take(front: int, at: float) -> Sample:
    """Take a sample of the front and its descendants."""
    sample = Sample(at)
    for pid in [front, *(process.pid for process in workers(front))]:
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                sample.zombies += 1
                continue
            role = "front" if process.pid == front else role_of(process)
            memory = process.memory_full_info()
            sample.numbers[role] += 1
            sample.rss[role] += memory.rss
            sample.pss[role] += memory.pss
    with contextlib.suppress(OSError):
        sample.fds = len(os.listdir(f"/proc/{front}/fd"))
        sample.threads = len(os.listdir(f"/proc/{front}/task"))
    return sample
