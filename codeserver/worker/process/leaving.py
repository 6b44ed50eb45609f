"""End a forked process that ran user code: do its own clean-up, but not its parent's.

A temporary folder that a module makes at its import is in use as long as the host lives. So a fork
disowns inherited objects. It ends without tearing the interpreter down, which would finalize them.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
import weakref
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NoReturn

from codeserver.worker.process import basics
from codeserver.worker.process.originals import os


def disown_inherited() -> None:
    """Leave clean-up of inherited objects and processes to the parent. Call it after the fork.

    Exit handlers of the user's modules stay: they flush data that a run has collected, as in the
    interpreter that stock starts for a run. Finalizers (`weakref.finalize`) and child processes
    belong to the parent.
    """
    finalizer: Any = weakref.finalize
    for inherited in list(finalizer._registry):
        inherited.atexit = False
    # As `multiprocessing` does in its own children (`BaseProcess._bootstrap`).
    util: Any = sys.modules.get("multiprocessing.util")
    children: Any = sys.modules.get("multiprocessing.process")
    if util is not None and children is not None:
        util._finalizer_registry.clear()
        children._children.clear()


def finish_threads(but: Collection[threading.Thread]) -> None:
    """Wait for the threads that a Python program waits for at its end.

    Args:
        but: threads not to wait for. A module starts them at its import, and they may run for ever,
            such as one that exports metrics.
    """
    shut_down: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
    if all(thread.daemon for thread in but):
        shut_down()
        return
    # It makes pools end their threads, but would also wait for the threads in `but`.
    threading.Thread(target=shut_down, name="codeserver shutdown", daemon=True).start()
    for thread in set(threading.enumerate()).difference(but, [threading.current_thread()]):
        if not thread.daemon:
            thread.join()


def leave(code: int, but: Collection[threading.Thread], *last: Callable[[], None]) -> NoReturn:
    """End like a Python program: the same steps in the same order, and then `last`.

    Args:
        code: the exit code.
        but: threads not to wait for.
        last: further steps at the very end.
    """
    wait = partial(finish_threads, but)
    steps: list[Callable[[], object]] = [wait, atexit._run_exitfuncs, basics.flush, *last]
    for step in steps:
        with contextlib.suppress(BaseException):
            step()
    os._exit(code)
