"""What it takes to load a location."""

from __future__ import annotations

import gc
import time

from bench.attempts import timed
from bench.figures import Unit
from bench.measurement import Measurement
from bench.resources import cpu_of, rest
from bench.servers import Server
from bench.subjects import many_assets

SUBJECTS = (many_assets(100), many_assets(1000), many_assets(5000))

_TIMES = 4
_TIMES_OF_MANY = 2


def measure(it: Measurement) -> None:
    """One `create_location` of Dagster's client, which the webserver and the daemon do.

    That is ListRepositories, GetServerId, ExternalRepository with deferred snapshots, and
    ExternalJob for each job from four threads, with a new channel for each call; and making objects
    of all replies, which the client does in the same process. All servers run and have answered
    ListRepositories; what they do on their own after that has ended. The first load of each, once,
    then the others, 4 a server (2 with 5,000 assets) in turns. Before each, all servers come to
    rest. "Server CPU" is what the processes of the server use meanwhile, counted in steps of 10 ms;
    it is the total of the repeated loads divided by their number. "Client CPU" is what the client's
    process uses: no server can make a load faster than that.
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
