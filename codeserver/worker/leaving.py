"""End a forked process that ran user code: its own clean-up happens, its parent's does not.

A temporary folder that a module makes at its import is in use as long as the host lives. So a fork
disowns what it inherited, and ends without tearing the interpreter down, which would finalize the
inherited objects.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import weakref
from typing import Any, NoReturn

from codeserver.worker import process


def disown_inherited() -> None:
    """Leave to the host what is the host's; to be called right after the fork.

    Exit handlers that the user's modules registered stay: they flush what a run has collected, as
    they do in the interpreter that stock starts for a run. What goes is clean-up of objects
    (`weakref.finalize`) and of processes that only the host has.
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


def leave(code: int) -> NoReturn:
    """Do what a Python program does at its end, in the same order, and end."""
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    process.flush()
    os._exit(code)
