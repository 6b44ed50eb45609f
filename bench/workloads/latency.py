"""Latency of single calls."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from bench.attempts import quantile, timed
from bench.client import Client, Refused, said
from bench.measurement import Measurement
from bench.resources import cpu_of, rest
from bench.results import Unit
from bench.servers import Server
from bench.subjects import EXAMPLE, Subject, many_assets

SUBJECTS = (EXAMPLE, many_assets(1000), many_assets(5000))

_ROUNDS = 3
_WARM_CALLS = 2


_Call = tuple[str, Callable[[Client], str], int]
"""A name, a call, and its number in a round."""


def measure(it: Measurement) -> None:
    """The time of single calls through Dagster's client, each over a new channel.

    The calls follow one after the other. GetServerId, ListRepositories and ExternalJob (of one job)
    are called 300 times. The plan of a job and a tick of a sensor that skips at once are called 150
    times. ExternalRepository and StreamingExternalRepository, with deferred snapshots, are called
    120 times with the example and 24 times with 1,000 assets. With 5,000 assets, only these two are
    called, 6 times. The servers take turns, three for each kind of call, and come to rest before
    it. With fewer than 100 calls, the 99th percentile is the slowest call.

    The time of a call starts before the client opens the channel and ends with the reply. It
    includes the decompression of the reply, but no objects are made of the reply. Dagster's client
    has only an asynchronous method for StreamingExternalRepository, so each of these calls starts
    an event loop. "Server CPU" is the CPU of all processes of the server during its turns, divided
    by the number of calls. Stock servers use a little of it for heartbeats among themselves. A
    server that refuses a call has no figure.
    """
    with it.serving() as servers:
        for name, call, count in _calls(it.subject):
            able = [server for server in servers if _warm_up(server, name, call)]
            times = defaultdict[str, list[float]](list)
            cpus = defaultdict[str, float](float)
            rest(servers)
            for _ in range(it.times(_ROUNDS)):
                for server in able:
                    with it.tolerated(server, name):
                        before = cpu_of(server)
                        make = partial(call, server.client)
                        times[server.key] += [timed(make) for _ in range(it.times(count, 2))]
                        cpus[server.key] += cpu_of(server) - before
            for key, took in times.items():
                it.add(f"{name}, p50", key, Unit.SECONDS, quantile(took, 0.5))
                it.add(f"{name}, p99", key, Unit.SECONDS, quantile(took, 0.99))
                it.add(f"{name}, server CPU", key, Unit.SECONDS, cpus[key] / len(took))


def _calls(subject: Subject) -> list[_Call]:
    few = {4: 40, 1000: 8}.get(subject.assets, 2)
    repository: list[_Call] = [
        ("ExternalRepository", Client.repository, few),
        ("StreamingExternalRepository", Client.streaming_repository, few),
    ]
    if subject.assets > 1000:
        return repository
    return [
        ("GetServerId", Client.server_id, 100),
        ("ListRepositories", Client.list_repositories, 100),
        *repository,
        ("ExternalJob", lambda client: client.job(subject.job), 100),
        ("ExecutionPlanSnapshot", lambda client: client.plan(subject.job), 50),
        ("tick", lambda client: client.tick("quick"), 50),
    ]


def _warm_up(server: Server, name: str, call: Callable[[Client], str]) -> bool:
    """Make the call a few times; returns whether it works."""
    try:
        for _ in range(_WARM_CALLS):
            said(partial(call, server.client))
    except Refused as error:
        print(f"{name} of {server.key} is refused: {error}", file=sys.stderr)
        return False
    return True
