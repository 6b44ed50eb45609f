"""Names, signals and orphans of processes, for the front and the worker side (prctl(2))."""

from __future__ import annotations

import contextlib
import ctypes
import signal
from pathlib import Path

from codeserver.system import IS_LINUX

_SET_PDEATHSIG = 1
_SET_NAME = 15
_SET_CHILD_SUBREAPER = 36

_ASKING_SECONDS = 1.0

_REALTIME: int | None = signal.SIGRTMIN + 9 if hasattr(signal, "SIGRTMIN") else None

STACK_SIGNAL: int = signal.SIGXCPU if _REALTIME is None else _REALTIME
"""The signal that makes a worker write its stack; an evaluator then ends.

One of the realtime signals, which have no names, so user code is unlikely to use it. On systems
without them (macOS), it is one for limits that nothing sets.
"""

NATIVE_STACK_SIGNAL: int = signal.SIGIO if _REALTIME is None else _REALTIME + 1
"""The signal for a worker that does not react to the first: it runs native code, or waits in it."""


def _name_for(role: str) -> str:
    return f"codeserver {role}"[:15]  # the kernel keeps 15 bytes


DEPENDENT_NAMES = frozenset(map(_name_for, ("evaluator", "snapshots")))
"""Names of processes that die with their parent, together with processes that they started."""


def set_name(role: str) -> None:
    """Name this process for `ps` and `top` (Linux)."""
    _prctl(_SET_NAME, _name_for(role).encode())


def name_of(pid: int) -> str:
    """The name of a process that is not yet reaped; empty if the kernel does not provide it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    return ""


def is_asleep(pid: int) -> bool:
    """Whether the main thread of a process waits in a system call."""
    return state_and_parent(pid)[0] in ("S", "D", "I", "U")


def state_and_parent(pid: int) -> tuple[str, int | None]:
    """The state of a process as one letter, such as Z for a zombie, and the id of its parent.

    Without such a process, they are empty and None. See proc(5) and ps(1).
    """
    with contextlib.suppress(OSError, ValueError):
        # The name may contain a parenthesis; the fields after it do not.
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace") if IS_LINUX else _ps(pid)
        state, parent, *_ = text.rpartition(")")[2].split()
        return state[:1], int(parent)
    return "", None


def _ps(pid: int) -> str:
    import subprocess

    asked = ["ps", "-o", "state=", "-o", "ppid=", "-p", str(pid)]
    with contextlib.suppress(subprocess.SubprocessError):
        return subprocess.run(
            asked, capture_output=True, text=True, timeout=_ASKING_SECONDS, check=False
        ).stdout
    return ""


def adopt_descendants() -> None:
    """Make this process the parent of descendants whose parent dies (Linux)."""
    _prctl(_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def be_killed_after_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux)."""
    _prctl(_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


def _prctl(option: int, argument: object) -> None:
    if IS_LINUX:
        unused = ctypes.c_ulong(0)  # the kernel reads whole registers
        ctypes.CDLL(None).prctl(option, argument, unused, unused, unused)
