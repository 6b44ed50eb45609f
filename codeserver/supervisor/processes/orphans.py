"""Processes that the front adopts because their parents have died.

The kernel gives them to process 1, which is the front in a container, or to the nearest ancestor
that has asked for them. Each stays a zombie until its new parent has waited for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from codeserver.processes import DEPENDENT_NAMES, adopt_descendants, name_of
from codeserver.system import children

_own: set[int] = set()
_adopts = False


def adopt_orphans() -> None:
    """Adopt orphaned descendants from now on (Linux), and reap them.

    Only for a program that is a server and nothing else: it reaps every child that it does not
    know.
    """
    global _adopts  # noqa: PLW0603 - a fact about the process
    if not children.ADOPTS_ORPHANS:
        return
    _adopts = True
    adopt_descendants()
    loop = asyncio.get_running_loop()

    def child_ended(*_: object) -> None:
        # A descendant may end later than the loop; then the kernel reaps it.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(reap)

    # Not `add_signal_handler`: uvloop keeps this signal for itself.
    signal.signal(signal.SIGCHLD, child_ended)


def expect(pid: int) -> None:
    """Do not reap this child, because the caller waits for it."""
    _own.add(pid)


def has_been_waited_for(pid: int) -> None:
    """Undo `expect`, and reap the children that this one has held up."""
    _own.discard(pid)
    if _adopts:
        reap()


def reap() -> None:
    """Reap the children that have ended, up to one that is waited for elsewhere."""
    while (pid := children.ended()) is not None and pid not in _own:
        if name_of(pid) in DEPENDENT_NAMES:
            # Its own parent had no time to end the processes that user code has started in it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
