"""Ticks and runs that hang, die, or clean up. A sensor's cursor is the path that it writes to."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import dagster as dg


class Release(dg.Config):
    path: str


@dg.op
def wait_for_release(config: Release):
    while not Path(config.path).exists():
        time.sleep(0.02)


@dg.op
def never_end():
    time.sleep(600)


@dg.op
def ignore_interrupts(context):
    while True:
        try:
            context.log.info("ignoring interrupts")
            time.sleep(600)
        except BaseException:
            pass


@dg.op
def nothing(): ...


@dg.job(executor_def=dg.in_process_executor)
def patient():
    wait_for_release()


@dg.job(executor_def=dg.in_process_executor)
def endless():
    never_end()


@dg.job(executor_def=dg.in_process_executor)
def stubborn():
    ignore_interrupts()


@dg.job(executor_def=dg.in_process_executor)
def short():
    nothing()


def _begin(context) -> None:
    Path(context.cursor).write_text(str(os.getpid()))


@dg.sensor(job=short)
def quick():
    return dg.SkipReason(f"pid {os.getpid()}")


@dg.sensor(job=short)
def hangs(context):
    if context.cursor:
        _begin(context)
    time.sleep(600)


@dg.sensor(job=short)
def takes_two_seconds():
    time.sleep(2)
    return dg.SkipReason("in time")


@dg.sensor(job=short)
def cleans_up(context):
    try:
        _begin(context)
        time.sleep(600)
    finally:
        Path(context.cursor).with_suffix(".clean").write_text("clean")


@dg.sensor(job=short)
def ignores_sigterm(context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _begin(context)
    time.sleep(600)


@dg.sensor(job=short)
def swallows_everything(context):
    _begin(context)
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass


@dg.sensor(job=short)
def starts_a_child(context):
    """A grandchild, as `subprocess` in user code makes it, that hangs with the tick."""
    if os.fork() == 0:
        _begin(context)
    time.sleep(600)


@dg.sensor(job=short)
def exits():
    os._exit(7)


@dg.sensor(job=short)
def segfaults():
    ctypes.string_at(0)


@dg.sensor(job=short)
def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)


@dg.sensor(job=short)
def sys_exits():
    sys.exit(3)


defs = dg.Definitions(
    jobs=[patient, endless, stubborn, short],
    sensors=[
        *(
            quick,
            hangs,
            takes_two_seconds,
            cleans_up,
            ignores_sigterm,
            swallows_everything,
            starts_a_child,
        ),
        *(exits, segfaults, kills_itself, sys_exits),
    ],
)
