"""Jobs for `dagster api execute_run` and `execute_step`; their ops write files into the folder they run in."""

import gc
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
def wait() -> None:
    Path("waiting").touch()
    threading.Event().wait()


class Circle:
    """Only the collector finds it when nothing else refers to it."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Path("finalized").touch()


@dg.op
def leave_garbage() -> None:
    gc.disable()  # so that it is there at the end
    Circle()


@dg.job(executor_def=dg.in_process_executor)
def doubles():
    double(one())


@dg.job(executor_def=dg.in_process_executor)
def fails():
    fail(one())


@dg.job(executor_def=dg.in_process_executor)
def waits():
    wait()


@dg.job(executor_def=dg.in_process_executor)
def leaves_garbage():
    leave_garbage()


@dg.job
def in_processes():
    double(one())


defs = dg.Definitions(jobs=[doubles, fails, waits, leaves_garbage, in_processes])
