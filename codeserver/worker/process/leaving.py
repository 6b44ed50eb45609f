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
from types import ModuleType
from typing import Any, NoReturn

from codeserver.worker.process import basics
from codeserver.worker.process.originals import os


def disown_inherited() -> None:
    """Leave clean-up of inherited objects and processes to the parent. Call it after the fork.

    Exit handlers of the user's modules stay: they flush data that a run has collected, as in the
    interpreter that stock starts for a run. Finalizers (`weakref.finalize`) and child processes
    belong to the parent.
    """
    for inherited in list(getattr(weakref.finalize, "_registry", ())):
        inherited.atexit = False
    # As `multiprocessing` does in its own children (`BaseProcess._bootstrap`).
    for module, name in (("util", "_finalizer_registry"), ("process", "_children")):
        found = getattr(sys.modules.get(f"multiprocessing.{module}"), name, None)
        if found is not None:
            found.clear()
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    if getattr(server, "_forkserver_pid", None) is not None:
        _disown_fork_server(server)


def _disown_fork_server(server: Any) -> None:
    """Have `multiprocessing` start another fork server in this process, when it needs one.

    From Python 3.14 on, processes of the user come from one by default. It asks whether the one of
    the parent has ended, and only the parent can know.
    """
    for name in ("_forkserver_pid", "_forkserver_address", "_forkserver_authkey"):
        setattr(server, name, None)
    alive, server._forkserver_alive_fd = server._forkserver_alive_fd, None
    with contextlib.suppress(OSError, TypeError):  # user code may have closed it
        os.close(alive)


def finish_threads(but: Collection[threading.Thread]) -> None:
    """Wait for the threads that a Python program waits for at its end.

    Args:
        but: threads not to wait for. A module starts them at its import, and they may run for ever,
            such as one that exports metrics.
    """
    shut_down: Callable[[], None] = _private(threading, "_shutdown", "pools of threads do not end")
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
    run_exit_handlers = _private(atexit, "_run_exitfuncs", "exit handlers do not run")
    steps: list[Callable[[], object]] = [wait, run_exit_handlers, basics.flush, *last]
    for step in steps:
        with contextlib.suppress(BaseException):
            step()
    os._exit(code)


def _private(module: ModuleType, name: str, loss: str) -> Callable[[], None]:
    """A private function of CPython; if there is none any more, one that says what is lost."""

    def say() -> None:
        print(f"This Python has no {module.__name__}.{name}, so {loss}", file=sys.stderr)

    found: Callable[[], None] = getattr(module, name, say)
    return found
