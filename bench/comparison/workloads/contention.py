"""What becomes of calls when user code takes all the CPU it can get."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.calls import Attempt, Refused, attempt
from bench.comparison.client import Client, socket_of
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.h2load import Clients, Load, caller, is_there
from bench.comparison.quantiles import quantile
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.processes import kill_descendants
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS = (EXAMPLE, many_assets(1000))
QUICK_SUBJECTS = (EXAMPLE,)

_ROUNDS = 1
_BUSY_TICKS = 4
_BUSY_SECONDS = "0.5"
_SETTLE_SECONDS = 0.3
_CALLS = 150
_LIMIT_SECONDS = 8.0
_PAUSE_SECONDS = 0.005
_LOAD_SECONDS = 2.0
_QUICK_SECONDS = 0.5
_SHORT_TICK = "0.05"
_WHILE = "while 4 CPU-bound ticks run"


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """Calls while four ticks at once use CPU; and plans and CPU-bound ticks a second.

    For the first, four threads have a sensor's tick evaluated, each again and again, that uses 0.5
    s of CPU in pure Python. Meanwhile GetServerId (limit 2 s), ListRepositories and ExternalJob are
    called in turn through Dagster's client, a new channel for each call and 5 ms between two, until
    each was called 150 times, for 8 s at most: of a slow server, the 99th percentile is the slowest
    call. The servers take turns, and come to rest before. A call that fails counts with the time
    until it did, and is counted as failed. The client shares the cores with the server and its
    ticks, so its own waiting for a core is in the times: of a server that lets user code use all
    cores, this is the larger. "CPU-bound ticks meanwhile" says how much user code got done in that
    time. For the second, h2load has eight connections with one call at a time on each, for 2 s,
    after 50 calls that do not count: plans of a job without config, and ticks that use 0.05 s of
    CPU. It sends what Dagster's client was seen to send and takes next to no CPU; nothing is
    confined to a core. Calls that are under way at the end are not counted. "Server CPU" is what
    all processes of the server used meanwhile, divided by the number of calls; what was under way
    at the end makes it larger by up to eight ticks.
    """
    with serving(kinds, subject) as servers:
        clients = {server.kind.key: Client(server) for server in servers}
        for server in servers:
            server.calls.tick("quick")
        yield from _calls_meanwhile(subject, servers, clients, effort)
        if is_there():
            for name, call in (
                ("plans", lambda client: client.plan(subject.job)),
                ("CPU-bound ticks", lambda client: client.tick("busy", _SHORT_TICK)),
            ):
                yield from _throughput(f"{name}, 8 clients", call, subject, servers, effort)


def _calls_meanwhile(
    subject: Subject, servers: Sequence[Server], clients: dict[str, Client], effort: Effort
) -> Iterator[Figure]:
    made: dict[str, dict[str, list[Attempt]]] = defaultdict(lambda: defaultdict(list))
    ticks = defaultdict[str, list[float]](list)
    for _ in range(effort.times(_ROUNDS)):
        for server in servers:
            key = server.kind.key
            rest(servers)
            began = time.monotonic()
            with _ticking(clients[key]) as done:
                time.sleep(_SETTLE_SECONDS)
                for name, each in _ask(clients[key], subject, effort.times(_CALLS, 3)):
                    made[key][name].append(each)
            ticks[key].append(len(done) / (time.monotonic() - began))
    for key, by_name in made.items():
        for name, attempts in by_name.items():
            seconds = [each.seconds for each in attempts]
            failed = sum(each.error is not None for each in attempts)
            for what, unit, value in (
                (f"{name}, p50", Unit.SECONDS, quantile(seconds, 0.5)),
                (f"{name}, p99", Unit.SECONDS, quantile(seconds, 0.99)),
                (f"{name}, failed", Unit.CALLS, failed),
            ):
                yield Figure(f"{what}, {_WHILE}", subject.name, key, unit, [value])
        name, rates = "CPU-bound ticks meanwhile", ticks[key]
        yield Figure(name, subject.name, key, Unit.PER_SECOND, rates, more_is_better=True)


def _ask(client: Client, subject: Subject, times: int) -> Iterator[tuple[str, Attempt]]:
    calls: list[tuple[str, Callable[[], str]]] = [
        ("GetServerId", client.server_id),
        ("ListRepositories", client.list_repositories),
        ("ExternalJob", lambda: client.job(subject.job)),
    ]
    end = time.monotonic() + _LIMIT_SECONDS
    for _ in range(times):
        for name, call in calls:
            yield name, attempt(call)
            time.sleep(_PAUSE_SECONDS)
        if time.monotonic() > end:
            return


@contextmanager
def _ticking(client: Client) -> Iterator[list[None]]:
    """Have four ticks evaluated all the time meanwhile; the list has an item for each that ended.

    It is whole at the end.
    """
    done: list[None] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            if attempt(lambda: client.tick("busy", _BUSY_SECONDS)).error is None:
                done.append(None)
            else:
                stop.wait(_PAUSE_SECONDS)

    with ThreadPoolExecutor(_BUSY_TICKS) as threads:
        for _ in range(_BUSY_TICKS):
            threads.submit(tick)
        try:
            yield done
        except BaseException:
            kill_descendants()  # or the ticks that are under way would be waited for
            raise
        finally:
            stop.set()


def _throughput(
    name: str,
    call: Callable[[Client], str],
    subject: Subject,
    servers: Sequence[Server],
    effort: Effort,
) -> Iterator[Figure]:
    loads = defaultdict[str, list[Load]](list)
    seconds = _QUICK_SECONDS if effort.quick else _LOAD_SECONDS
    for _ in range(effort.times(_ROUNDS)):
        for server in servers:
            rest(servers)
            try:
                with caller(Client(server).exchange(call)) as calls:
                    pid, socket = server.process.pid, socket_of(server)
                    load = calls.load(pid, socket, Clients(8), seconds)
            except Refused as error:
                print(f"{name} of {server.kind.label} has no figure: {error}", file=sys.stderr)
            else:
                loads[server.kind.key].append(load)
    for key, found in loads.items():
        rates = [load.per_second for load in found]
        yield Figure(name, subject.name, key, Unit.PER_SECOND, rates, more_is_better=True)
        cpus = [load.server_cpu for load in found]
        yield Figure(f"{name}, server CPU", subject.name, key, Unit.SECONDS, cpus)
