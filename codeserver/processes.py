"""Names, signals and orphans of processes, for the front and the worker side (prctl(2))."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
from pathlib import Path

_SET_PDEATHSIG = 1
_SET_NAME = 15
_SET_CHILD_SUBREAPER = 36

STACK_SIGNAL: int | None = signal.SIGRTMIN + 9 if hasattr(signal, "SIGRTMIN") else None
"""The signal that makes a worker write its stack; an evaluator then ends.

One of the realtime signals, which have no names, so user code is unlikely to use it. None on
systems without them.
"""

NATIVE_STACK_SIGNAL: int | None = None if STACK_SIGNAL is None else STACK_SIGNAL + 1
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
    """Whether the main thread of a process waits in a system call (proc(5))."""
    with contextlib.suppress(OSError, IndexError):
        # The name may contain a parenthesis; the fields after it do not.
        _, _, facts = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")
        return facts.split()[0] in ("S", "D")
    return False


def adopt_descendants() -> None:
    """Make this process the parent of descendants whose parent dies (Linux)."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def be_killed_after_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux)."""
    _prctl(_SET_PDEATHSIG, int(signal.SIGKILL))


def _prctl(option: int, argument: object) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)
