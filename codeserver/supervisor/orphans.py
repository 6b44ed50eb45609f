"""What falls to the first process of a container: processes whose parents have died.

The kernel makes them children of process 1, and each stays a zombie until that has asked how it
ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

_own: set[int] = set()


def reap_if_first_process() -> None:
    """From now on, let adopted processes go when they have ended; only process 1 adopts any."""
    if os.getpid() == 1:
        loop = asyncio.get_running_loop()
        # Not `add_signal_handler`: uvloop keeps this signal for itself.
        signal.signal(signal.SIGCHLD, lambda *_: loop.call_soon_threadsafe(reap))


def expect(pid: int) -> None:
    """Leave this child to whoever has started it and waits for it."""
    _own.add(pid)


def has_been_waited_for(pid: int) -> None:
    """Undo `expect`; those that ended behind it are next."""
    _own.discard(pid)
    if os.getpid() == 1:
        reap()


def reap() -> None:
    """Let go of every child that has ended, up to one that somebody waits for."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            if ended.si_pid in _own:
                return
            os.waitpid(ended.si_pid, 0)
