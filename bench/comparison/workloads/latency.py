"""How long single calls take."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.calls import Refused
from bench.comparison import cpu
from bench.comparison.client import Client, checked
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.quantiles import quantile, timed
from bench.comparison.samples import tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS = (EXAMPLE, many_assets(1000), many_assets(5000))
QUICK_SUBJECTS = (EXAMPLE,)

_ROUNDS = 3
_WARM_CALLS = 2


@dataclass(frozen=True)
class _Call:
    """A call of one kind, and how often it is made in a round."""

    name: str
    make: Callable[[Client], str]
    times: int


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """Calls of one kind, one after the other, through Dagster's client: a new channel for each.

    GetServerId, ListRepositories and ExternalJob (of one job) are called 300 times, the plan of a
    job and a tick of a sensor that skips at once 150 times, and ExternalRepository and
    StreamingExternalRepository with deferred snapshots 120 times for the example and 24 times for
    1,000 assets. For 5,000 assets, only these two are called, 6 times; there, and wherever there
    are fewer than 100 calls, the 99th percentile is the slowest call. The servers take turns three
    times, for each kind of call, and come to rest before. A call takes from before the client opens
    the channel until it has the reply, without making objects of it, but with undoing its
    compression. StreamingExternalRepository is called from asyncio, since Dagster's client has no
    other way, and starts an event loop for each call. "Server CPU" is what all processes of the
    server use during its turns, divided by the number of calls; stock servers use a little of that
    for heartbeats among themselves. A server that refuses a call has no figure.
    """
    with serving(kinds, subject) as servers:
        clients = {server.kind.key: Client(server) for server in servers}
        for call in _calls(subject):
            able = [server for server in servers if _warm_up(clients[server.kind.key], call)]
            times = defaultdict[str, list[float]](list)
            cpus = defaultdict[str, float](float)
            rest(servers)
            for _ in range(effort.times(_ROUNDS)):
                for server in able:
                    key, count = server.kind.key, effort.times(call.times, 2)
                    with tolerated(server, call.name):
                        took, used = _round(server, clients[key], call, count)
                        times[key] += took
                        cpus[key] += used
            for key, took in times.items():
                yield from _figures(call.name, subject, key, took, cpus[key])


def _calls(subject: Subject) -> list[_Call]:
    few = {4: 40, 1000: 8}.get(subject.assets, 2)
    repository = [
        _Call("ExternalRepository", lambda client: client.repository(), few),
        _Call("StreamingExternalRepository", lambda client: client.streaming_repository(), few),
    ]
    if subject.assets > 1000:
        return repository
    return [
        _Call("GetServerId", lambda client: client.server_id(), 100),
        _Call("ListRepositories", lambda client: client.list_repositories(), 100),
        *repository,
        _Call("ExternalJob", lambda client: client.job(subject.job), 100),
        _Call("ExecutionPlanSnapshot", lambda client: client.plan(subject.job), 50),
        _Call("tick", lambda client: client.tick("quick"), 50),
    ]


def _warm_up(client: Client, call: _Call) -> bool:
    """Make the call a few times, and say whether it works."""
    try:
        for _ in range(_WARM_CALLS):
            checked(lambda: call.make(client))
    except Refused as error:
        print(f"{call.name} is refused: {error}", file=sys.stderr)
        return False
    return True


def _round(server: Server, client: Client, call: _Call, times: int) -> tuple[list[float], float]:
    """Seconds of each call, and the server's of CPU for all of them."""
    before = cpu.used(server)
    took = [timed(lambda: call.make(client)) for _ in range(times)]
    return took, cpu.used(server) - before


def _figures(
    call: str, subject: Subject, key: str, took: list[float], used: float
) -> Iterator[Figure]:
    for name, value in (
        ("p50", quantile(took, 0.5)),
        ("p99", quantile(took, 0.99)),
        ("server CPU", used / len(took)),
    ):
        yield Figure(f"{call}, {name}", subject.name, key, Unit.SECONDS, [value])
