"""How many calls a second a server answers."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.calls import Refused
from bench.comparison import cores
from bench.comparison.client import Client, Exchange, socket_of
from bench.comparison.echo import echoing
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.h2load import Clients, Load, caller, is_there
from bench.comparison.samples import tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS = (many_assets(1000),)
QUICK_SUBJECTS = (EXAMPLE,)

ECHO = "echo"
"""The key of the server that does nothing but reply."""

_ROUNDS = 2
_SECONDS = 1.0
_QUICK_SECONDS = 0.5
_CLIENTS = (
    ("16 connections", Clients(16)),
    ("one connection, 16 at once", Clients(1, 16)),
)


@dataclass(frozen=True)
class _Target:
    """A server and what it is sent."""

    key: str
    pid: int
    socket: Path
    exchange: Exchange


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """Calls a second with 16 clients, each of which calls again when it has its answer.

    The clients are those of h2load: 16 connections with one call at a time on each, or one
    connection with 16 at a time. It sends what Dagster's client was seen to send to this server,
    compressed likewise, and accepts compressed replies as that does. A round lasts 1 s, after 50
    calls that do not count; the servers take turns twice for each call. Each call has been checked
    with Dagster's client before, and the mean size of the replies must be that of the first, or
    there is no figure, since gRPC's errors have no message. "Server CPU" is what all processes of
    the server used meanwhile, divided by the number of calls. "echo" is the physical limit: a
    process with nothing but `grpc.aio` and uvloop, as in the front of codeserver, that replies with
    the same bytes as the first of the servers, not compressed. h2load has a core to itself, and the
    servers, with all that they have started, have the others: on a machine with two cores that is
    one. "Generator CPU" is how much of its core h2load used: as long as that is well below 100 %,
    it was not the limit.
    """
    if not is_there():
        return
    seconds = _QUICK_SECONDS if effort.quick else _SECONDS
    with serving(kinds, subject) as servers:
        for server in servers:
            server.calls.tick("quick")
        for name, call in _calls(subject):
            seen: list[_Target] = []
            for server in servers:
                with tolerated(server, name):
                    seen.append(_target(server, call))
            if not seen:
                continue
            same = seen[0].exchange
            with echoing({same.method: same.reply}) as (process, socket):
                rest(servers)
                running = [process.pid for server in servers for process in server.processes]
                cores.confine([process.pid, *running])
                targets = [*seen, _Target(ECHO, process.pid, socket, same)]
                yield from _compare(name, subject, targets, effort.times(_ROUNDS), seconds)


def _calls(subject: Subject) -> list[tuple[str, Callable[[Client], str]]]:
    return [
        ("GetServerId", lambda client: client.server_id()),
        ("ListRepositories", lambda client: client.list_repositories()),
        ("ExternalJob", lambda client: client.job(subject.job)),
    ]


def _target(server: Server, call: Callable[[Client], str]) -> _Target:
    exchange = Client(server).exchange(call)
    return _Target(server.kind.key, server.process.pid, socket_of(server), exchange)


def _compare(
    call: str, subject: Subject, targets: Sequence[_Target], rounds: int, seconds: float
) -> Iterator[Figure]:
    for title, clients in _CLIENTS:
        loads = defaultdict[str, list[Load]](list)
        for _ in range(rounds):
            for target in targets:
                with caller(target.exchange, cores.GENERATOR) as calls:
                    try:
                        load = calls.load(target.pid, target.socket, clients, seconds)
                    except Refused as error:
                        print(f"{call} of {target.key} has no figure: {error}", file=sys.stderr)
                    else:
                        loads[target.key].append(load)
        name = f"{call}, {title}"
        for key, found in loads.items():
            rates = [each.per_second for each in found]
            yield Figure(name, subject.name, key, Unit.PER_SECOND, rates, more_is_better=True)
            cpus = [each.server_cpu for each in found]
            yield Figure(f"{name}, server CPU", subject.name, key, Unit.SECONDS, cpus)
            own = [each.generator_cpu for each in found]
            yield Figure(f"{name}, generator CPU", subject.name, key, Unit.PERCENT, own)
