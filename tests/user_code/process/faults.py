"""Code that does what the file `fault` says, in the place that it says; else it is well.

The file has two words: the place (load, tick, schedule, plan, subset, partition, run) and the deed.
"""

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

import dagster as dg

FAULT = Path(__file__).with_name("fault")
BEGUN = Path(__file__).with_name("begun")


def perform(place):
    if not FAULT.exists():
        return
    where, deed = FAULT.read_text().split()
    if where == place:
        BEGUN.write_text(str(os.getpid()))
        globals()[deed](place)


def raises(_):
    raise RuntimeError("a mistake")


def sys_exits(_):
    sys.exit("no licence")


def exits(_):
    os._exit(7)


def segfaults(_):
    ctypes.string_at(0)


def is_killed(_):
    print("last words", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def hangs(_):
    time.sleep(600)


def hangs_in_c(_):
    # Unlike CDLL, PyDLL keeps the lock of the interpreter: no Python code runs any more. And unlike
    # a sleep, waiting for a lock goes on after a signal.
    lock = ctypes.create_string_buffer(128)
    for _ in range(2):
        ctypes.PyDLL(None).pthread_mutex_lock(lock)


def ignores_sigterm(_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def burns(_):
    while True:
        pass


def allocates(place):
    if place in ("load", "run"):  # which have no limit but their own
        most = 1 << 30
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    kept = []
    for _ in range(200):
        kept.append(bytearray(10_000_000))
    raise RuntimeError("there is no limit")


def closes_everything(_):
    os.closerange(3, 1000)


def leaves_a_child(_):
    child = os.fork()
    if child == 0:
        signal.pause()
    BEGUN.with_name("child").write_text(str(child))


def starts_threads(_):
    for number in range(5):
        threading.Thread(target=time.sleep, args=(1,), name=f"left {number}").start()
    threading.Thread(target=threading.Event().wait, name="left for ever", daemon=True).start()


def prints_without_end(_):
    while True:
        print("x" * 1000)


def meddles(_):
    os.chdir("/")
    os.umask(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    os.environ.clear()
    os.environ["MEDDLED"] = "yes"
    sys.stdout = None


def kills_its_parent(_):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def stops_its_parent(_):
    os.kill(os.getppid(), signal.SIGSTOP)


class Op(dg.OpDefinition):
    """Whoever makes a snapshot of it runs user code."""

    @property
    def description(self):
        perform("subset")
        return "an op"


@dg.op
def work():
    perform("run")


@dg.config_mapping
def mapped(_value: str):
    perform("plan")
    return {}


@dg.job(executor_def=dg.in_process_executor)
def runs():
    work()


@dg.job(config=mapped)
def planned():
    work()


described = Op(compute_fn=lambda *_: iter(()), name="described")


@dg.job
def subsetted():
    described()


def _tags(_key):
    perform("partition")
    return {"fine": "yes"}


letters = dg.PartitionedConfig(
    partitions_def=dg.StaticPartitionsDefinition(["a", "b"]),
    run_config_for_partition_key_fn=lambda _: {},
    tags_for_partition_key_fn=_tags,
)


@dg.job(config=letters)
def partitioned():
    work()


@dg.sensor(job=runs)
def ticks():
    perform("tick")
    mask = os.umask(0o077)
    os.umask(mask)
    return dg.SkipReason(f"{Path.cwd()} {mask:o} {os.environ.get('MEDDLED')}")


@dg.sensor(job=runs)
def bystander():
    return dg.SkipReason("fine")


@dg.schedule(job=runs, cron_schedule="* * * * *")
def scheduled(_context):
    perform("schedule")
    return dg.SkipReason("fine")


perform("load")

defs = dg.Definitions(
    jobs=[runs, planned, subsetted, partitioned], sensors=[ticks, bystander], schedules=[scheduled]
)
