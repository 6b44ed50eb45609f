"""Idle servers: CPU for polls."""

from __future__ import annotations

import time

from bench.attempts import Probe, running
from bench.measurement import Measurement
from bench.resources import cpu_of, rest
from bench.results import Unit
from bench.subjects import many_assets

SUBJECTS = (many_assets(1000),)

_WATCHERS = 3


def measure(it: Measurement) -> None:
    """The CPU of a server while three watchers call GetServerId once a second each.

    They call as the webserver and the daemon do, through Dagster's client, which opens a new
    channel each time. All servers run side by side and are watched at the same time. Before that,
    Dagster's client has loaded each of them once, and all have come to rest. The figure is the CPU
    of all processes of a server during 20 s, divided by these. The kernel counts in steps of 10 ms
    a process, so the error is up to 0.05 % of a core for each process.
    """
    with it.serving() as servers:
        for server in servers:
            with it.tolerated(server, "a location load"):
                server.client.load()
        rest(servers)
        with running(*(Probe(server.client.server_id, _WATCHERS) for server in servers)):
            time.sleep(1.0)  # the first calls are not like the others
            before = {server: cpu_of(server) for server in servers}
            began = time.monotonic()
            time.sleep(it.times(20, quick=2))
            for server in servers:
                share = (cpu_of(server) - before[server]) / (time.monotonic() - began)
                it.add("CPU while idle", server.key, Unit.PERCENT, share * 100)
