"""Jobs and sensors for every code location of the bench, whose file ends with this text.

The sensors misbehave in the ways in which user code can.
"""

import ctypes
import os
import socket
import threading
import time
from pathlib import Path

import dagster as dg

VERSION = 1
HOG_BYTES = 1_500_000_000
PRINTED_LINES = 1_000_000
LINE = "x" * 99

_cache: list[bytes] = []


@dg.op
def _nothing() -> None:
    """Do nothing."""


@dg.job
def short() -> None:
    """Have nothing to do, so that the time of a run is Dagster's and the server's."""
    _nothing()


@dg.job(tags={"codeserver/runs": "fresh"})
def short_fresh() -> None:
    """The same, for runs that import the code anew, as with stock."""
    _nothing()


@dg.job(name="edition_0")
def _edition() -> None:
    """Get another name with each edit of the file."""
    _nothing()


@dg.op(ins={"after": dg.In(dg.Nothing)})
def _next() -> None:
    """Do nothing, after another op."""


@dg.op
def _hello(context: dg.OpExecutionContext) -> None:
    """Log a line."""
    context.log.info("hello")


@dg.job(executor_def=dg.multiprocess_executor)
def hello() -> None:
    """Log a line from a step in a process of its own."""
    _hello()


@dg.op
def _wait() -> None:
    """Wait for a file in DAGSTER_HOME."""
    while not Path(os.environ["DAGSTER_HOME"], "go").exists():
        time.sleep(0.05)


def _in_processes(name: str, steps: int, *, chained: bool = False, **tags: str) -> dg.JobDefinition:
    """A job whose steps are processes: one after the other, or side by side."""

    @dg.job(name=name, tags=tags, executor_def=dg.multiprocess_executor)
    def job() -> None:
        last = _nothing.alias("_0")()
        for number in range(1, steps):
            op = (_next if chained else _nothing).alias(f"_{number}")
            last = op(after=last) if chained else op()

    return job


_four_at_once = dg.multiprocess_executor.configured({"max_concurrent": 4})


@dg.job(executor_def=_four_at_once)
def four_wait() -> None:
    """Wait in four processes."""
    for number in range(4):
        _wait.alias(f"wait_{number}")()


@dg.sensor(job=short)
def quick() -> dg.SkipReason:
    """Skip at once."""
    return dg.SkipReason(f"version {VERSION}")


@dg.sensor(job=short)
def busy(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Use as many seconds of CPU as the cursor says, in pure Python."""
    end = time.thread_time() + float(context.cursor or 0)
    while time.thread_time() < end:
        sum(range(1000))
    return dg.SkipReason("busy")


@dg.sensor(job=short)
def hangs(context: dg.SensorEvaluationContext) -> None:
    """Wait for ever, as for a host that never answers; say in which thread, in a folder.

    The folder is the first line of the cursor.
    """
    assert context.cursor
    folder = context.cursor.partition("\n")[0]
    Path(folder, f"{os.getpid()}-{threading.get_native_id()}").touch()
    here, _there = socket.socketpair()
    here.recv(1)


@dg.sensor(job=short)
def segfaults() -> None:
    """Read the memory at address 0."""
    ctypes.string_at(0)


@dg.sensor(job=short)
def exits() -> None:
    """End the process."""
    os._exit(1)


@dg.sensor(job=short)
def hogs() -> dg.SkipReason:
    """Allocate 1.5 GB as rows of 1 kB, write to all of it, and let it go."""
    rows = [bytes([row % 256]) * 1000 for row in range(HOG_BYTES // 1000)]
    return dg.SkipReason(f"{len(rows)} rows")


@dg.sensor(job=short)
def leaks() -> dg.SkipReason:
    """Allocate the same and keep it in a cache of the module."""
    _cache.extend(bytes([row % 256]) * 1000 for row in range(HOG_BYTES // 1000))
    return dg.SkipReason(f"{len(_cache)} rows")


@dg.sensor(job=short)
def floods() -> dg.SkipReason:
    """Print 100 MB."""
    for _ in range(PRINTED_LINES):
        print(LINE)
    return dg.SkipReason("printed")


ticks = {
    "jobs": [
        short,
        short_fresh,
        hello,
        _edition,
        _in_processes("chain", 10, chained=True),
        _in_processes("chain_fresh", 10, chained=True, **{"codeserver/runs": "fresh"}),
        _in_processes("fan", 50),
        four_wait,
    ],
    "sensors": [quick, busy, hangs, segfaults, exits, hogs, leaks, floods],
}
