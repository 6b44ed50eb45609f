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


def repeat(action, *args):
    """Do it for ever."""
    while True:
        action(*args)


@dg.op
def nothing():
    """End at once."""


@dg.op
def never_end():
    """Take longer than any caller waits."""
    time.sleep(FOREVER)


@dg.op
def fail():
    """Raise."""
    raise RuntimeError("this op fails")


@dg.op
def exit_at_once():
    """End the process of the run."""
    os._exit(9)


def _job(name, op, config=None):
    @dg.job(name=name, config=config, executor_def=dg.in_process_executor)
    def job():
        op()

    return job


quick = _job("quick", nothing)


@dg.asset
def first():
    """Is needed by `second`."""
    return 1


@dg.asset
def second(first):
    """Need `first`."""
    return first + 1


assets_job = dg.define_asset_job("assets_job", selection=["first", "second"])


def _hang():
    time.sleep(FOREVER)


def _raise():
    raise RuntimeError("this tick fails")


def _crash():
    ctypes.string_at(0)


def _deadlock_in_c():
    """Lock a mutex twice while holding the interpreter's lock: no signal handler ever runs."""
    libc = ctypes.PyDLL(None)
    mutex = ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


def _ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang()


def _swallow():
    with contextlib.suppress(BaseException):
        _hang()


def _burn():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass


def _print():
    for _ in range(50_000):
        print("o" * 99)


def _start_grandchild():
    subprocess.Popen(["sleep", str(FOREVER)])


def _start_threads(seconds, daemon):
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(seconds,), daemon=daemon).start()


def _change_surroundings():
    os.chdir("/")
    os.environ["SOAK_MARK"] = "left by another tick"
    os.umask(0o777)


CRASHES = {
    "sys_exits": lambda: sys.exit(3),
    "exits": lambda: os._exit(7),
    "segfaults": _crash,
    "aborts": os.abort,
    "kills_itself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "closes_everything": lambda: os.closerange(0, 64),
}
HANGS = {
    "hangs": _hang,
    "deadlocks_in_c": _deadlock_in_c,
    "sleeps_in_c": lambda: ctypes.PyDLL(None).sleep(FOREVER),
    "ignores_sigterm": _ignore_sigterm,
    "swallows_everything": lambda: repeat(_swallow),
    "hangs_with_grandchild": lambda: (_start_grandchild(), _hang()),
    "burns_on": lambda: repeat(int),
}
ODDITIES = {
    "burns": _burn,
    "allocates": lambda: len(b"x" * 300_000_000),
    "keeps_allocated": lambda: _kept.append(b"x" * 300_000_000),
    "prints": _print,
    "leaves_grandchild": _start_grandchild,
    "starts_threads": lambda: _start_threads(0.5, daemon=False),
    "starts_daemon_threads": lambda: _start_threads(FOREVER, daemon=True),
    "changes_surroundings": _change_surroundings,
    "leaves_files_open": lambda: _kept.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(100)),
}
FAULTS = {"raises": _raise, **CRASHES, **HANGS, **ODDITIES}


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
    (int, _raise, _crash, _hang)[context.scheduled_execution_time.minute]()
    return dg.RunRequest(run_key="fine")


@dg.static_partitioned_config(["fine", "raise", "crash", "hang"])
def fragile_config(key):
    """Break in a way that depends on the partition."""
    {"fine": int, "raise": _raise, "crash": _crash, "hang": lambda: repeat(_swallow)}[key]()
    return {}


@dg.daily_partitioned_config("2024-01-01")
def plain_config(start, _end):
    """Have no config."""
    return {}


defs = dg.Definitions(
    assets=[first, second],
    jobs=[
        quick,
        _job("endless", never_end),
        _job("failing", fail),
        _job("exiting", exit_at_once),
        _job("fragile", nothing, fragile_config),
        _job("partitioned", nothing, plain_config),
        assets_job,
    ],
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
