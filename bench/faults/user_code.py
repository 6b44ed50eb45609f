"""Sensors that do to a code server what user code can do to one.

A sensor that says where it runs takes a folder as its cursor.
"""

import ctypes
import os
import socket
import threading
import time
from pathlib import Path

import dagster as dg

VERSION = 1
BUSY_SECONDS = 3.0
HOG_BYTES = 1_500_000_000
PRINTED_LINES = 1_000_000
LINE = "x" * 99

cache: list[bytes] = []


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def short() -> None:
    """The job that the sensors are for."""
    nothing()


@dg.sensor(job=short)
def healthy() -> dg.SkipReason:
    """Answer at once."""
    return dg.SkipReason(f"version {VERSION}")


@dg.sensor(job=short)
def hangs(context: dg.SensorEvaluationContext) -> None:
    """Wait for ever, as for a host that never answers; say in which thread."""
    assert context.cursor
    Path(context.cursor, f"{os.getpid()}-{threading.get_native_id()}").touch()
    here, _there = socket.socketpair()
    here.recv(1)


@dg.sensor(job=short)
def burns() -> dg.SkipReason:
    """Use three seconds of CPU in pure Python."""
    began = time.thread_time()
    while time.thread_time() < began + BUSY_SECONDS:
        sum(range(1000))
    return dg.SkipReason("burnt")


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
    cache.extend(bytes([row % 256]) * 1000 for row in range(HOG_BYTES // 1000))
    return dg.SkipReason(f"{len(cache)} rows")


@dg.sensor(job=short)
def floods() -> dg.SkipReason:
    """Print 100 MB."""
    for _ in range(PRINTED_LINES):
        print(LINE)
    return dg.SkipReason("printed")


defs = dg.Definitions(
    jobs=[short],
    sensors=[healthy, hangs, burns, segfaults, exits, hogs, leaks, floods],
)
