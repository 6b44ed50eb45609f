"""What it takes to load a location."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from bench.comparison import cpu
from bench.comparison.client import Client
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.quantiles import timed
from bench.comparison.samples import tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import Subject, many_assets
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS = (many_assets(100), many_assets(1000), many_assets(5000))
QUICK_SUBJECTS = (many_assets(100),)

_TIMES = 4
_TIMES_OF_MANY = 2


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
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
    times = effort.times(_TIMES if subject.assets <= 1000 else _TIMES_OF_MANY)
    first: dict[str, _Load] = {}
    more = defaultdict[str, list[_Load]](list)
    with serving(kinds, subject) as servers:
        clients = {server.kind.key: Client(server) for server in servers}
        for server in servers:
            rest(servers)
            with tolerated(server, "the first create_location"):
                first[server.kind.key] = _load(server, clients[server.kind.key])
        for _ in range(times):
            for server in servers:
                rest(servers)
                with tolerated(server, "another create_location"):
                    more[server.kind.key].append(_load(server, clients[server.kind.key]))
    for key, (took, server_cpu, _) in first.items():
        yield Figure("first create_location", subject.name, key, Unit.SECONDS, [took])
        name = "first create_location, server CPU"
        yield Figure(name, subject.name, key, Unit.SECONDS, [server_cpu])
    for key, loads in more.items():
        took_each, server_each, client_each = zip(*loads, strict=True)
        mean = sum(server_each) / len(server_each)
        for name, samples in (
            ("repeated create_location", took_each),
            ("repeated create_location, server CPU", [mean]),
            ("repeated create_location, client CPU", client_each),
        ):
            yield Figure(name, subject.name, key, Unit.SECONDS, samples)


_Load = tuple[float, float, float]
"""Seconds, and of CPU of the server and of the client."""


def _load(server: Server, client: Client) -> _Load:
    gc.collect()
    server_cpu, client_cpu = cpu.used(server), time.process_time()
    took = timed(lambda: client.load().cleanup())
    return took, cpu.used(server) - server_cpu, time.process_time() - client_cpu
