"""Calls during CPU-bound ticks."""

from __future__ import annotations

import time
from collections import defaultdict

from bench.attempts import Attempt, attempt, quantile, repeating
from bench.client import Client, Exchange
from bench.h2load import Clients, compare, is_there
from bench.measurement import Measurement
from bench.resources import rest
from bench.results import Unit
from bench.servers import Server
from bench.subjects import EXAMPLE, many_assets

SUBJECTS = (EXAMPLE, many_assets(1000))

_BUSY_TICKS = 4
_BUSY_SECONDS = "0.5"
_SETTLE_SECONDS = 0.3
_CALLS = 150
_LIMIT_SECONDS = 8.0
_PAUSE_SECONDS = 0.005
_LOAD_SECONDS = 2.0
_QUICK_SECONDS = 0.5
_SHORT_TICK = "0.05"


def measure(it: Measurement) -> None:
    """Calls during four CPU-bound ticks at once, and the rates of plans and of CPU-bound ticks.

    Calls: each of four threads requests a sensor's tick again and again. The tick uses 0.5 s of CPU
    in pure Python. Meanwhile, Dagster's client calls GetServerId (limit 2 s), ListRepositories and
    ExternalJob in turn, with a new channel for each call and 5 ms between two. It makes 150 calls
    of each, but stops after 8 s. With fewer than 100 calls, the 99th percentile is the slowest
    call. The servers take turns, and come to rest before. A call that fails counts with its
    duration, and as failed. The client shares the cores with the server and its ticks, so the times
    include its waits for a core. If a server lets user code use all cores, these waits are the
    larger part. "CPU-bound ticks meanwhile" is the rate of the ticks.

    Rates: h2load makes calls over eight connections, one at a time on each, for 2 s, after 50 calls
    that do not count. The calls are plans of a job without config, and ticks that use 0.05 s of
    CPU. h2load sends the recorded requests of Dagster's client and uses almost no CPU. No process
    is confined to a core. Calls under way at the end do not count. "Server CPU" is the CPU of all
    processes of the server during the load, divided by the number of calls. Calls under way at the
    end add up to eight ticks to it.
    """
    seconds = _QUICK_SECONDS if it.quick else _LOAD_SECONDS
    with it.serving() as servers:
        for server in servers:
            server.client.tick("quick")
        for server in servers:
            rest(servers)
            _calls_meanwhile(it, server)
        if is_there():
            for name in ("plans", "CPU-bound ticks"):
                for server in servers:
                    rest(servers)
                    with it.tolerated(server, name):
                        target = (server, _exchange(it, server.client, name))
                        compare(it, f"{name}, 8 clients", [target], Clients(8), seconds)


def _exchange(it: Measurement, client: Client, name: str) -> Exchange:
    if name == "plans":
        return client.exchange(lambda: client.plan(it.subject.job))
    return client.exchange(lambda: client.tick("busy", _SHORT_TICK))


def _calls_meanwhile(it: Measurement, server: Server) -> None:
    client = server.client
    made: dict[str, list[Attempt]] = defaultdict(list)
    began = time.monotonic()
    ticks = [[lambda: client.tick("busy", _BUSY_SECONDS)]] * _BUSY_TICKS
    with repeating(ticks, _PAUSE_SECONDS) as done:
        time.sleep(_SETTLE_SECONDS)
        end = time.monotonic() + _LIMIT_SECONDS
        for _ in range(it.times(_CALLS, 3)):
            for name, call in client.hot_calls(it.subject.job).items():
                made[name].append(attempt(call))
                time.sleep(_PAUSE_SECONDS)
            if time.monotonic() > end:
                break
    rate = sum(tick.error is None for tick in done) / (time.monotonic() - began)
    for name, attempts in made.items():
        seconds = [each.seconds for each in attempts]
        failed = sum(each.error is not None for each in attempts)
        when = "while 4 CPU-bound ticks run"
        it.add(f"{name}, p50, {when}", server.key, Unit.SECONDS, quantile(seconds, 0.5))
        it.add(f"{name}, p99, {when}", server.key, Unit.SECONDS, quantile(seconds, 0.99))
        it.add(f"{name}, failed, {when}", server.key, Unit.CALLS, failed)
    it.add("CPU-bound ticks meanwhile", server.key, Unit.PER_SECOND, rate, more_is_better=True)
