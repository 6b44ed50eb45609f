"""End a forked process that ran user code: its own clean-up happens, its parent's does not.

A temporary folder that a module makes at its import is in use as long as the host lives. So a fork
disowns what it inherited, and ends without tearing the interpreter down, which would finalize the
inherited objects.
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
    """Leave to the parent what is the parent's; to be called right after the fork.

    Exit handlers that the user's modules registered stay: they flush what a run has collected, as
    they do in the interpreter that stock starts for a run. What goes is clean-up of objects
    (`weakref.finalize`) and of processes that only the parent has.
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
        but: threads that belong to the module, not to what this process was for. They may run for
            ever, as one that exports metrics does.
    """
    shut_down: Callable[[], None] = threading._shutdown  # type: ignore[attr-defined]
    if all(thread.daemon for thread in but):
        shut_down()
        return
    # It is what tells pools to let their threads end, but it would wait for those others, too.
    threading.Thread(target=shut_down, name="codeserver shutdown", daemon=True).start()
    for thread in set(threading.enumerate()).difference(but, [threading.current_thread()]):
        if not thread.daemon:
            thread.join()


def leave(code: int, but: Collection[threading.Thread], *last: Callable[[], None]) -> NoReturn:
    """Do what a Python program does at its end, in the same order, then `last`, and end.

    Args:
        code: the exit code.
        but: threads that are not waited for.
        last: what is done at the very end.
    """
    wait = partial(finish_threads, but)
    steps: list[Callable[[], object]] = [wait, atexit._run_exitfuncs, basics.flush, *last]
    for step in steps:
        with contextlib.suppress(BaseException):
            step()
    os._exit(code)
