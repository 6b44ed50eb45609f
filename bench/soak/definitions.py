"""The served code of a soak: healthy definitions, and ones that break in every way.

The soak copies this file with another `EDITION` for each reload. A fault sensor does harm at every
tick unless its cursor is `well`.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time

import dagster as dg

EDITION = 0

STARTED_IN = os.getcwd()
COPIES = 2
FOREVER = 600

_kept = []


@dg.op
def nothing():
    """End at once."""


@dg.op
def never_end():
    """Take longer than anybody waits."""
    time.sleep(FOREVER)


@dg.op
def fail():
    """Raise."""
    raise RuntimeError("this op fails")


@dg.op
def exit_at_once():
    """End the process of the run."""
    os._exit(9)


@dg.job(executor_def=dg.in_process_executor)
def quick():
    """Succeed."""
    nothing()


@dg.job(executor_def=dg.in_process_executor)
def endless():
    """Go on until cancelled or killed."""
    never_end()


@dg.job(executor_def=dg.in_process_executor)
def failing():
    """Fail as code does."""
    fail()


@dg.job(executor_def=dg.in_process_executor)
def exiting():
    """Fail as processes do."""
    exit_at_once()


@dg.asset
def first():
    """Is needed by `second`."""
    return 1


@dg.asset
def second(first):
    """Need `first`."""
    return first + 1


assets_job = dg.define_asset_job("assets_job", selection=["first", "second"])


def _crash():
    ctypes.string_at(0)


def _deadlock_in_c():
    """Lock a mutex twice while holding the interpreter's lock: no signal handler ever runs."""
    libc = ctypes.PyDLL(None)
    mutex = ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


def _sleep_in_c():
    ctypes.PyDLL(None).sleep(FOREVER)


def _ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(FOREVER)


def _swallow_everything():
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(FOREVER)


def _burn():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass


def _burn_on():
    while True:
        pass


def _raise():
    raise RuntimeError("this tick fails")


def _allocate():
    block = b"x" * 300_000_000
    return len(block)


def _keep_allocated():
    _kept.append(b"x" * 300_000_000)


def _print():
    line = "o" * 99
    for _ in range(50_000):
        print(line)


def _leave_grandchild():
    subprocess.Popen(["sleep", str(FOREVER)])


def _hang_with_grandchild():
    subprocess.Popen(["sleep", str(FOREVER)])
    time.sleep(FOREVER)


def _start_threads():
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(0.5,)).start()


def _start_daemon_threads():
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(FOREVER,), daemon=True).start()


def _change_surroundings():
    os.chdir("/")
    os.environ["SOAK_MARK"] = "left by another tick"
    os.umask(0o777)


def _leave_files_open():
    _kept.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(100))


def _close_everything():
    os.closerange(0, 64)


FAULTS = {
    "raises": _raise,
    "sys_exits": lambda: sys.exit(3),
    "exits": lambda: os._exit(7),
    "segfaults": _crash,
    "aborts": os.abort,
    "kills_itself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "closes_everything": _close_everything,
    "hangs": lambda: time.sleep(FOREVER),
    "deadlocks_in_c": _deadlock_in_c,
    "sleeps_in_c": _sleep_in_c,
    "ignores_sigterm": _ignore_sigterm,
    "swallows_everything": _swallow_everything,
    "hangs_with_grandchild": _hang_with_grandchild,
    "burns_on": _burn_on,
    "burns": _burn,
    "allocates": _allocate,
    "keeps_allocated": _keep_allocated,
    "prints": _print,
    "leaves_grandchild": _leave_grandchild,
    "starts_threads": _start_threads,
    "starts_daemon_threads": _start_daemon_threads,
    "changes_surroundings": _change_surroundings,
    "leaves_files_open": _leave_files_open,
}


def surroundings():
    """The state that a tick must find unchanged since the load of the code."""
    mask = os.umask(0o077)
    os.umask(mask)
    return {
        "edition": EDITION,
        "clean": os.getcwd() == STARTED_IN and "SOAK_MARK" not in os.environ and mask != 0o777,
    }


def _healthy(name):
    @dg.sensor(name=name, job=quick, description=f"edition {EDITION}")
    def sensor():
        return dg.SkipReason(json.dumps(surroundings()))

    return sensor


def _faulty(name, fault):
    @dg.sensor(name=name, job=quick)
    def sensor(context):
        if context.cursor == "well":
            return dg.SkipReason("well")
        fault()
        return dg.SkipReason("survived")

    return sensor


@dg.sensor(job=quick)
def requests_runs():
    """Ask for runs."""
    return [dg.RunRequest(run_key=f"{EDITION}-{number}") for number in range(10)]


@dg.schedule(job=quick, cron_schedule="0 0 * * *")
def daily(context):
    """Ask for a run."""
    return dg.RunRequest(run_key=str(context.scheduled_execution_time))


@dg.schedule(job=quick, cron_schedule="* * * * *")
def fragile_schedule(context):
    """Break in a way that depends on the minute."""
    (lambda: None, _raise, _crash, lambda: time.sleep(FOREVER))[
        context.scheduled_execution_time.minute
    ]()
    return dg.RunRequest(run_key="fine")


@dg.static_partitioned_config(["fine", "raise", "crash", "hang"])
def fragile_config(key):
    """Break in a way that depends on the partition."""
    {"fine": lambda: None, "raise": _raise, "crash": _crash, "hang": _swallow_everything}[key]()
    return {}


@dg.job(config=fragile_config, executor_def=dg.in_process_executor)
def fragile():
    """Have partitions."""
    nothing()


@dg.daily_partitioned_config("2024-01-01")
def plain_config(start, _end):
    """Have nothing to say."""
    return {}


@dg.job(config=plain_config, executor_def=dg.in_process_executor)
def partitioned():
    """Have partitions that are never a trouble."""
    nothing()


defs = dg.Definitions(
    assets=[first, second],
    jobs=[quick, endless, failing, exiting, fragile, partitioned, assets_job],
    schedules=[daily, fragile_schedule],
    sensors=[
        *(_healthy(f"healthy_{number}") for number in range(4)),
        requests_runs,
        *(
            _faulty(f"{name}_{copy}", fault)
            for name, fault in FAULTS.items()
            for copy in range(COPIES)
        ),
    ],
)
