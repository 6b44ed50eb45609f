"""Jobs for `dagster api execute_run` and `execute_step`; their ops write files into the folder they run in."""

import gc
import multiprocessing
import os
import threading
from pathlib import Path

import dagster as dg

if os.environ.get("POD_CODE_IS_BROKEN"):
    raise ValueError("broken code")


@dg.op
def one() -> int:
    Path("collections").write_text(f"{gc.get_threshold()} {gc.isenabled()}")
    return 1


@dg.op
def double(number: int) -> int:
    return 2 * number


@dg.op
def fail(number: int) -> None:
    raise ValueError("no such thing")


@dg.op
def import_late() -> None:
    from edition import EDITION

    Path("edition").write_text(EDITION)


@dg.op
def tell_whether_forked() -> None:
    Path("forked").write_text(str(os.getppid() != multiprocessing.parent_process().pid))


@dg.op
def wait() -> None:
    try:
        Path("waiting").touch()
        threading.Event().wait()
    except BaseException as interrupt:
        raise interrupt.with_traceback(None) from None  # whatever line it was at


@dg.job(executor_def=dg.in_process_executor)
def doubles():
    double(one())


@dg.job(executor_def=dg.in_process_executor)
def fails():
    fail(one())


@dg.job(executor_def=dg.in_process_executor)
def waits():
    wait()


@dg.job
def in_processes():
    double(one())


@dg.job
def imports_late():
    import_late()


@dg.job
def tells():
    tell_whether_forked()


defs = dg.Definitions(jobs=[doubles, fails, waits, in_processes, imports_late, tells])
