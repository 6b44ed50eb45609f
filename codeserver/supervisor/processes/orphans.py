"""Processes that fall to the front because their parents have died.

The kernel hands them to process 1, which the front is in a container, or to the nearest process
that has asked for them. Each stays a zombie until its new parent has asked how it ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from codeserver.processes import DEPENDENT_NAMES, adopt_descendants, name_of

_own: set[int] = set()
_adopts = False


def adopt_orphans() -> None:
    """From now on, be the parent of orphaned descendants (Linux), and let them go at their end.

    For a program that is a server and nothing else: it reaps every child that it does not know.
    """
    global _adopts  # noqa: PLW0603 - a fact about the process
    if sys.platform != "linux":
        return
    _adopts = True
    adopt_descendants()
    loop = asyncio.get_running_loop()

    def child_ended(*_: object) -> None:
        # What a killed process has left may end later than the loop: the kernel sees to it then.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(reap)

    # Not `add_signal_handler`: uvloop keeps this signal for itself.
    signal.signal(signal.SIGCHLD, child_ended)


def expect(pid: int) -> None:
    """Leave this child to whoever has started it and waits for it."""
    _own.add(pid)


def has_been_waited_for(pid: int) -> None:
    """Undo `expect`; those that ended behind it are next."""
    _own.discard(pid)
    if _adopts:
        reap()


def reap() -> None:
    """Let go of every child that has ended, up to one that somebody waits for."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            if ended.si_pid in _own:
                return
            if name_of(ended.si_pid) in DEPENDENT_NAMES:
                # What user code has started in there, whose own parent had no time for it.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(ended.si_pid, signal.SIGKILL)
            os.waitpid(ended.si_pid, 0)
