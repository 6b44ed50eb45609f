"""Shutdown: time until a server has exited."""

from __future__ import annotations

import signal
import subprocess
import time

from bench.client import Refused
from bench.measurement import Measurement
from bench.processes import is_alive
from bench.resources import rest
from bench.results import Unit
from bench.servers import Server
from bench.subjects import EXAMPLE

SUBJECTS = (EXAMPLE,)

_TICKS = 5
_LIMIT_SECONDS = 30.0
_LEFT_SECONDS = 1.0


def measure(it: Measurement) -> None:
    """The time from SIGTERM until the process that was started has exited.

    The servers run side by side. Dagster's client has loaded each of them once, each has answered 5
    ticks, and all are at rest. They are stopped one after the other. Only the process that was
    started gets the signal, as in a container. Kubernetes kills after 30 s, so a server that still
    runs after 30 s has no time. Processes left behind are those that existed at the signal and
    still run one second after the exit. All this is done twice, with new servers.
    """
    for _ in range(it.times(2)):
        with it.serving() as servers:
            for server in servers:
                with it.tolerated(server, "a location load and ticks"):
                    server.client.load()
                    for _ in range(_TICKS):
                        server.client.tick("quick")
            for server in servers:
                rest(each for each in servers if each.exit_code is None)
                with it.tolerated(server, "SIGTERM"):
                    _note(it, server)


def _note(it: Measurement, server: Server) -> None:
    ended = stop(server, _LIMIT_SECONDS)
    if ended is None:
        raise Refused(f"it still runs after {_LIMIT_SECONDS:.0f} s")
    took, left = ended
    it.add("time from SIGTERM to exit", server.key, Unit.SECONDS, took)
    it.add("processes left behind after SIGTERM", server.key, Unit.PROCESSES, left)


def stop(server: Server, limit: float) -> tuple[float, int] | None:
    """Send SIGTERM to the process that was started.

    Returns:
        The seconds until its exit, and the number of processes that it leaves behind; None if it
        still runs after `limit` seconds.
    """
    family = server.processes
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    took = time.monotonic() - began
    time.sleep(_LEFT_SECONDS)
    return took, sum(is_alive(process) for process in family)
