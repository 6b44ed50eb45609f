"""Idleness: what a server takes that is only watched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.calls import attempt
from bench.comparison import cpu
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.once_loaded import load_once
from bench.comparison.samples import Samples, tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS: tuple[Subject, ...] = (many_assets(1000),)
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)

_WATCHERS = 3
_EVERY_SECONDS = 1.0


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """CPU of all processes of a server, while three watchers call GetServerId once a second each.

    They call as the webserver and the daemon do: through Dagster's client, which opens a new
    channel each time. All servers run side by side and are watched at the same time; before that,
    each has been loaded once by Dagster's client and has come to rest. It goes on for 20 s, and a
    server's seconds of CPU are divided by these; the kernel counts in steps of 10 ms a process, so
    the error is up to 0.05 % of a core for each of its processes.
    """
    samples = Samples(subject.name)
    with serving(kinds, subject) as servers:
        for server in servers:
            with tolerated(server, "a location load"):
                load_once(server)
        rest(servers)
        with _watched(servers):
            time.sleep(_EVERY_SECONDS)  # the first calls are not like the others
            before = {server: cpu.used(server) for server in servers}
            began = time.monotonic()
            time.sleep(effort.times(20, quick=2))
            for server in servers:
                share = (cpu.used(server) - before[server]) / (time.monotonic() - began)
                samples.add("CPU while idle", server.kind, Unit.PERCENT, share * 100)
    yield from samples.figures()


@contextmanager
def _watched(servers: Sequence[Server]) -> Iterator[None]:
    """Have each of them watched meanwhile; each call has a limit of 2 s."""
    stop = threading.Event()

    def watch(server: Server, delay: float) -> None:
        due = time.monotonic() + delay
        while not stop.wait(max(0.0, due - time.monotonic())):
            attempt(server.calls.server_id)
            due += _EVERY_SECONDS

    with ThreadPoolExecutor(_WATCHERS * len(servers)) as threads:
        try:
            for number in range(_WATCHERS):
                for server in servers:
                    threads.submit(watch, server, number * _EVERY_SECONDS / _WATCHERS)
            yield
        finally:
            stop.set()
