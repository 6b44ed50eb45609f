"""Many locations: one server with all of them, beside a stock server for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import grpc
from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from bench.attempts import quantile, repeating, timed
from bench.client import SHORT_SECONDS, Client
from bench.fleets import Fleet, Place, fleet
from bench.h2load import Clients, is_there, rate
from bench.measurement import Measurement
from bench.requests import stub_of
from bench.resources import cpu_of, memory_of, rest
from bench.results import Unit
from bench.servers import API, OURS, Kind
from bench.subjects import SMALL, many_assets, with_ticks

SUBJECTS = (SMALL, many_assets(1000))

_COUNTS = {SMALL.name: 50}
_COUNT = 10
_STARTS_OF_ONE = 3
_REST_SECONDS = 120.0

_TURNS = 3
_CALLS = 500
_PAUSE_SECONDS = 0.005
_BUSY_SECONDS = "0.5"
_BUSY_TICKS = 8
_ENDLESS = "while True:\n    sum(range(1000))\n"
_ROUNDS = 5
_CALLS_BY_NAME = 1000
_LOAD_SECONDS = 2.0
_QUICK_SECONDS = 0.5


def measure(it: Measurement) -> None:
    """Small locations, 50 of them, and 10 locations of 1,000 assets each.

    `codeserver grpc --locations` serves all of them with one server. Stock serves each with a
    `dagster api grpc` of its own. Those 50 or 10 servers start at the same time, and the figures
    are their sums. `dagster code-server start` is not measured, because it has a second process for
    each location.

    "Loaded" means that every location answers ListRepositories and ExternalRepository. The bench
    asks them in turn, each every 20 ms until it answers. The time of one location is the median of
    three starts. "CPU" is that of all processes from the start until nothing has used CPU for half
    a second. Then Dagster's client loads each location, and the memory is taken as in the workload
    "Memory": PSS, with each page of a file once for all servers.

    Misbehaving locations: a healthy location gets 500 calls of GetServerId from Dagster's client,
    with a new channel for each and 5 ms between two. First it is the only one. Then it is beside
    three others. That is done three times, and the ratio is that of the medians. A sensor of one
    segfaults, and is called again 5 ms later, for ever. One imports for ever, in a loop of pure
    Python. One gets eight ticks at once, each of 0.5 s of CPU, for ever. With stock, each of the
    four is a server of its own, and the one that segfaults is not started again, so it uses no CPU
    any more. All of them, and the client, share the cores.

    By name: GetServerId of one of the locations, at the port that they share and at the port of the
    location. The target is an IP address in both cases, so names are not resolved. "New channels"
    is the median time of 1,000 calls with a channel each, as Dagster's client makes them, in turns.
    "Calls a second" is from h2load over 16 connections that stay open.
    """
    kinds = [kind for kind in it.kinds if kind in (OURS, API)]
    for kind in kinds:
        _note_start(it, kind)
    if it.subject is SMALL:
        for kind in kinds:
            _note_misbehaving(it, kind)
        if OURS in kinds:
            _note_by_name(it)


def _note_start(it: Measurement, kind: Kind) -> None:
    count = it.times(_COUNTS.get(it.subject.name, _COUNT), quick=3)
    one = []
    for _ in range(it.times(_STARTS_OF_ONE)):
        with fleet(kind, _same(it, 1)) as alone:
            alone.wait_until_loaded()
            one.append(time.monotonic() - alone.began)
    it.add("time until one location is loaded", kind.key, Unit.SECONDS, *one)
    with fleet(kind, _same(it, count)) as all_:
        all_.wait_until_loaded()
        took = time.monotonic() - all_.began
        name = f"time until {count} locations are loaded"
        it.add(name, kind.key, Unit.SECONDS, took)
        it.add(f"{name}, as a multiple of one", kind.key, Unit.TIMES, took / median(one))
        rest(all_.servers, _REST_SECONDS)
        cpu = sum(map(cpu_of, all_.servers))
        it.add(f"CPU of the start of {count} locations", kind.key, Unit.SECONDS, cpu)
        for client in all_.clients.values():
            client.load()
        rest(all_.servers, _REST_SECONDS)
        memory = memory_of(all_.processes)
        it.add(f"memory of {count} locations when loaded", kind.key, Unit.BYTES, memory)


def _same(it: Measurement, count: int) -> Mapping[str, Place]:
    return {f"shop{number}": it.subject.place for number in range(1, count + 1)}


def _note_misbehaving(it: Measurement, kind: Kind) -> None:
    others = {"segfaults": with_ticks, "imports": _place_endless, "burns": with_ticks}
    before, after = [], []
    for _ in range(it.times(_TURNS)):
        with fleet(kind, {"healthy": SMALL.place}) as alone:
            alone.wait_until_loaded()
            rest(alone.servers)
            before.append(_note_calls(it, alone, "alone"))
        with fleet(kind, {"healthy": SMALL.place, **others}) as beside:
            beside.wait_until_loaded(["healthy", "segfaults", "burns"])
            with _misbehaving(beside.clients):
                after.append(_note_calls(it, beside, "beside misbehaving locations"))
    name = "GetServerId, p99, beside misbehaving locations, as a multiple of alone"
    it.add(name, kind.key, Unit.TIMES, median(after) / median(before))


def _place_endless(folder: Path) -> Path:
    folder.mkdir()
    code = folder / "endless.py"
    code.write_text(_ENDLESS, "utf-8")
    return code


@contextmanager
def _misbehaving(clients: Mapping[str, Client]) -> Iterator[None]:
    burn = partial(clients["burns"].tick, "busy", _BUSY_SECONDS)
    crash = partial(clients["segfaults"].tick, "segfaults")
    with repeating([[crash], *[[burn]] * _BUSY_TICKS], _PAUSE_SECONDS):
        time.sleep(1.0)  # until all of them are at it
        yield


def _note_calls(it: Measurement, fleet: Fleet, when: str) -> float:
    """Note the times of calls of the healthy location; returns their 99th percentile."""
    seconds = []
    for _ in range(it.times(_CALLS, 20)):
        seconds.append(timed(fleet.clients["healthy"].server_id))
        time.sleep(_PAUSE_SECONDS)
    p99 = quantile(seconds, 0.99)
    it.add(f"GetServerId, p50, {when}", fleet.kind.key, Unit.SECONDS, quantile(seconds, 0.5))
    it.add(f"GetServerId, p99, {when}", fleet.kind.key, Unit.SECONDS, p99)
    return p99


def _note_by_name(it: Measurement) -> None:
    with fleet(OURS, _same(it, 2)) as served:
        served.wait_until_loaded()
        rest(served.servers)
        (name, *_) = served.clients
        exchange = served.clients[name].exchange(served.clients[name].server_id)
        host = f"{name}.localhost"
        ports = {"by name": served.port or 0, "at its own port": served.own_ports[name]}
        times: dict[str, list[float]] = {how: [] for how in ports}
        rates: dict[str, list[float]] = {how: [] for how in ports}
        for _ in range(it.times(_CALLS_BY_NAME, 5)):
            for how, port in ports.items():
                times[how].append(timed(partial(_call, port, f"{host}:{port}")))
        target = (served.servers[0], exchange)
        seconds = _QUICK_SECONDS if it.quick else _LOAD_SECONDS
        for _ in range(it.times(_ROUNDS) if is_there() else 0):
            for how, port in ports.items():
                rates[how].append(rate(target, port, f"{host}:{port}", Clients(16), seconds))
    _note_ratio(it, "GetServerId, new channels", Unit.SECONDS, times)
    _note_ratio(it, "GetServerId, calls a second", Unit.PER_SECOND, rates)


def _note_ratio(it: Measurement, what: str, unit: Unit, values: Mapping[str, list[float]]) -> None:
    """Note the medians of both ways, and the time of a call by name as a multiple of the other."""
    found = {how: median(each) for how, each in values.items() if each}
    for how, value in found.items():
        more = unit is Unit.PER_SECOND
        it.add(f"{what}, {how}", OURS.key, unit, value, more_is_better=more)
    if len(found) == 2:
        by_name, own = found.values()
        cost = own / by_name if unit is Unit.PER_SECOND else by_name / own
        it.add(f"{what}, time by name as a multiple", OURS.key, Unit.TIMES, cost)


def _call(port: int, authority: str) -> None:
    """Call GetServerId over a new channel, with the compression of Dagster's client."""
    options = (("grpc.default_authority", authority), ("grpc.use_local_subchannel_pool", 1))
    with grpc.insecure_channel(
        f"127.0.0.1:{port}", options, compression=grpc.Compression.Gzip
    ) as channel:
        stub_of(channel).GetServerId(pb.Empty(), timeout=SHORT_SECONDS)
