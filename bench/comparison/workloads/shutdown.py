"""Shutdown: how soon a server is gone."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

from bench.calls import Refused
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.once_loaded import load_once
from bench.comparison.samples import Samples, tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject
from bench.processes import is_alive
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)

_TICKS = 5
_LIMIT_SECONDS = 30.0
_LEFT_SECONDS = 1.0


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """Seconds from SIGTERM until the process that was started has exited.

    The server has been loaded once by Dagster's client, has answered 5 ticks and is at rest, as are
    the others, which run side by side; they are stopped one after the other. Only the process that
    was started gets the signal, as in a container. Kubernetes kills after 30 s, so a server that is
    there after 30 s has no time. Processes left behind are those that the server had at the signal
    and that still run one second after it has exited. This is done twice, with new servers.
    """
    samples = Samples(subject.name)
    for _ in range(effort.times(2)):
        with serving(kinds, subject) as servers:
            for server in servers:
                with tolerated(server, "a location load and ticks"):
                    _use(server)
            for server in servers:
                rest(each for each in servers if each.exit_code is None)
                with tolerated(server, "SIGTERM"):
                    _stop(server, samples)
    yield from samples.figures()


def _use(server: Server) -> None:
    load_once(server)
    for _ in range(_TICKS):
        server.calls.tick("quick")


def _stop(server: Server, samples: Samples) -> None:
    family = server.processes
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(_LIMIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Refused(f"it still runs after {_LIMIT_SECONDS:.0f} s") from error
    took = time.monotonic() - began
    samples.add("time from SIGTERM to exit", server.kind, Unit.SECONDS, took)
    time.sleep(_LEFT_SECONDS)
    left = sum(is_alive(process) for process in family)
    samples.add("processes left behind after SIGTERM", server.kind, Unit.PROCESSES, left)
