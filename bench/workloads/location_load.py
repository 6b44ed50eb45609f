"""Location load."""

from __future__ import annotations

import gc
import time

from bench.attempts import timed
from bench.measurement import Measurement
from bench.resources import cpu_of, rest
from bench.results import Unit
from bench.servers import Server
from bench.subjects import many_assets

SUBJECTS = (many_assets(100), many_assets(1000), many_assets(5000))

_TIMES = 4
_TIMES_OF_MANY = 2


def measure(it: Measurement) -> None:
    """The cost of `create_location` of Dagster's client, as the webserver and the daemon call it.

    The client calls ListRepositories, GetServerId, ExternalRepository with deferred snapshots, and
    ExternalJob for each job from four threads, with a new channel for each call. It makes objects
    of all replies in the same process. All servers run, have answered ListRepositories, and are
    idle. Each server is loaded once ("first"). Then the servers take turns with 4 more loads each,
    or 2 with 5,000 assets ("repeated"). All servers come to rest before each load.

    "Server CPU" is the CPU of the server's processes during the load, in steps of 10 ms. For
    repeated loads it is the total divided by their number. "Client CPU" is the CPU of the client's
    process. No server can make a load faster than that.
    """
    times = it.times(_TIMES if it.subject.assets <= 1000 else _TIMES_OF_MANY)
    used: dict[str, list[float]] = {}
    with it.serving() as servers:
        for number in range(1 + times):
            for server in servers:
                rest(servers)
                with it.tolerated(server, "create_location"):
                    cpu = _load(it, server, "repeated" if number else "first")
                    if number:
                        used.setdefault(server.key, []).append(cpu)
    for key, cpus in used.items():
        mean = sum(cpus) / len(cpus)
        it.add("repeated create_location, server CPU", key, Unit.SECONDS, mean)


def _load(it: Measurement, server: Server, which: str) -> float:
    """Load the location once and note the figures; returns the server's CPU seconds."""
    gc.collect()
    server_cpu, client_cpu = cpu_of(server), time.process_time()
    took = timed(server.client.load)
    used, client_used = cpu_of(server) - server_cpu, time.process_time() - client_cpu
    name = f"{which} create_location"
    it.add(name, server.key, Unit.SECONDS, took)
    if which == "first":
        it.add(f"{name}, server CPU", server.key, Unit.SECONDS, used)
    else:
        it.add(f"{name}, client CPU", server.key, Unit.SECONDS, client_used)
    return used
