"""Attacks: effects of clients that harm a server on purpose."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from bench.attempts import Probe, asked, running
from bench.client import Client
from bench.measurement import Measurement
from bench.requests import message
from bench.resources import memory_of, rest
from bench.results import Unit
from bench.servers import Server, temporary_folder
from bench.subjects import many_assets
from bench.tables import in_unit

SUBJECTS = (many_assets(1000),)

_WARM_CALLS = 20
_CALLS_A_SECOND = 20
_SECONDS = 5.0
_WAITING_SECONDS = 12.0
_QUICK_SECONDS = 0.5
_IDLE_SECONDS = 3
_LATER_SECONDS = 5
_MOST_SECONDS = 30
_PAUSE_SECONDS = 0.02
_MEMORY_SECONDS = 0.25
_LONG_BYTES = 45_000_000
_LEVELS = 100_000
_END_SECONDS = 60.0


def measure(it: Measurement) -> None:
    """The effects of clients that harm a server on purpose.

    One server runs at a time, and a new one for each attack. A process of its own attacks for 5 s,
    on the same two cores. Meanwhile, a healthy client calls GetServerId 20 times a second, each
    over a new channel and with a limit of 2 s. A p99 covers only answered calls. In brackets is the
    p99 of 3 s before the attack. The first answer is that of calls one after the other, from the
    end of the attacker's process. Memory is the growth of all processes of the server: the largest
    of the samples taken 4 times a second, and that 5 s after the attack. The numbers of frames and
    calls are those that the attacker could send. An attacker opens a new connection when the server
    closes one.

    Rapid reset: each call of GetServerId is cancelled by the next frame. Unread: 5 connections ask
    for the repository 100 times each, with a window of 0 bytes. Waiting: 25 ticks of a sensor that
    never returns, each with a cursor of 45 MB and a limit of 12 s, for as long as the attack takes.
    Slow: 500 connections send a byte every 0.25 s, of the begin of the connection or of the headers
    of a call. Pings and settings: 8 connections send these frames; the ones with settings never
    read. Bomb: 8 connections send headers that refer 16,000 times to one header of 4,000 bytes.
    Continuations: 8 connections send headers without an end. Nested: 8 threads cycle through the
    calls with serialized fields, whose values have 100,000 levels of JSON. Calls: 50 connections
    with 40 calls of GetServerId each, and with 20 ticks each of a sensor that skips at once; each
    call is made again when it has ended.
    """
    for event, how in EVENTS.items():
        for kind in it.kinds:
            with it.serving([kind]) as servers:
                for server in servers:
                    with it.tolerated(server, event):
                        _warm_up(server)
                        it.note(event, server, _effect(it, server, event, how))


@dataclass(frozen=True)
class Attack:
    """An attack of `bench.attackers` with its requests, and the unit of its count."""

    name: str
    counted: str
    requests: Callable[[Client, int], Mapping[str, Any]]
    seconds: float = _SECONDS


@dataclass
class _Memory:
    """The memory of a server before and during an attack, in bytes."""

    before: int
    samples: list[int] = field(default_factory=list)

    @property
    def growth(self) -> int:
        """The largest growth."""
        return max(self.samples, default=self.before) - self.before


def _warm_up(server: Server) -> None:
    for _ in range(_WARM_CALLS):
        server.client.server_id()
        server.client.tick("quick")
    server.client.repository()
    rest([server])


def _effect(it: Measurement, server: Server, event: str, how: Attack) -> str:
    """Attack a server, and describe the effect in words."""
    seconds = _QUICK_SECONDS if it.quick else how.seconds
    idle = Probe(server.client.server_id, _CALLS_A_SECOND)
    during = Probe(server.client.server_id, _CALLS_A_SECOND)
    with _memory(server) as memory:
        with running(idle):
            time.sleep(it.times(_IDLE_SECONDS))
        with running(during):
            count = attack(server.client, how, seconds)
            again = _first_answer(server, it.times(_MOST_SECONDS))
    time.sleep(max(0.0, it.times(_LATER_SECONDS) - (again or 0)))
    later = memory_of(server.processes) - memory.before
    answers = during.answers
    share, p99 = f"GetServerId calls answered, {event}", f"GetServerId, p99, {event}"
    it.add(share, server.key, Unit.SHARE, answers.percent, more_is_better=True)
    if answers.seconds:
        it.add(p99, server.key, Unit.SECONDS, answers.p99)
    if server.exit_code is not None:
        return f"{count:,} {how.counted}; server is gone: exit code {server.exit_code}"
    first = "no answer for 30 s" if again is None else f"first answer after {_in_words(again)}"
    return (
        f"{count:,} {how.counted}; GetServerId {answers} ({_in_words(idle.answers.p99)}); "
        f"{first}; memory {memory.growth / 1e6:+.0f} MB, {later / 1e6:+.0f} MB 5 s later"
    )


def _in_words(seconds: float) -> str:
    return in_unit(seconds, Unit.SECONDS)


def attack(client: Client, how: Attack, seconds: float) -> int:
    """Attack the server of a client to the end; returns the count of the attack."""
    with temporary_folder() as folder:
        for name, request in how.requests(client, round(seconds)).items():
            (folder / name).write_bytes(request.SerializeToString())
        done = subprocess.run(
            [
                *(sys.executable, "-m", "bench.attackers"),
                *(how.name, str(client.socket), str(seconds), str(folder)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            timeout=seconds + _END_SECONDS,
            check=True,
        )
    return int(done.stdout)


def _first_answer(server: Server, limit: float) -> float | None:
    """The seconds until the first answer over a new channel; None if none comes in time."""
    began = time.monotonic()
    while time.monotonic() < began + limit:
        if asked(server.client.server_id).error is None:
            return time.monotonic() - began
        time.sleep(_PAUSE_SECONDS)
    return None


@contextmanager
def _memory(server: Server) -> Iterator[_Memory]:
    """Sample the memory of a server during the block."""
    found = _Memory(memory_of(server.processes))
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(_MEMORY_SECONDS):
            found.samples.append(memory_of(server.processes))

    thread = threading.Thread(target=sample, name="memory")
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def _ids(_: Client, __: int) -> Mapping[str, Any]:
    return {"GetServerId": pb.Empty()}


def _repository(client: Client, _: int) -> Mapping[str, Any]:
    return {"ExternalRepository": client.requests.described(deferred=True)}


def _tick(client: Client, sensor: str, cursor: str, seconds: int) -> Mapping[str, Any]:
    args = client.requests.sensor(sensor, cursor, timeout=seconds)
    return {"SyncExternalSensorExecution": message(args)}


def _long_ticks(client: Client, seconds: int) -> Mapping[str, Any]:
    # The sensor takes its folder from the first line.
    cursor = f"{client.socket.parent}\n{'c' * _LONG_BYTES}"
    return _tick(client, "hangs", cursor, max(1, seconds))


def _ticks(client: Client, _: int) -> Mapping[str, Any]:
    return _tick(client, "quick", "", 60)


def _nested(_: Client, __: int) -> Mapping[str, Any]:
    """Every request with serialized fields, once with lists in them and once with objects."""
    levels = {"lists": ("[", "]"), "objects": ('{"a":', "}")}
    values = {name: f"{begin * _LEVELS}0{end * _LEVELS}" for name, (begin, end) in levels.items()}
    found: dict[str, Any] = {}
    for method in pb.DESCRIPTOR.services_by_name["DagsterApi"].methods:
        names = [each for each in method.input_type.fields_by_name if each.startswith("serialized")]
        for kind, value in values.items():
            if names:
                made = getattr(pb, method.input_type.name)(**dict.fromkeys(names, value))
                found[f"{method.name}.{kind}"] = made
    return found


EVENTS = {
    "rapid reset on one connection": Attack("reset-1", "calls", _ids),
    "rapid reset on 8 connections": Attack("reset-8", "calls", _ids),
    "500 replies of the repository that are never read": Attack(
        "unread", "calls held", _repository
    ),
    "25 ticks that wait with 45 MB each": Attack("waiting", "ticks", _long_ticks, _WAITING_SECONDS),
    "2,000 idle connections": Attack("idle", "held", _ids),
    "500 connections that begin slowly": Attack("slow-preface", "held", _ids),
    "500 connections with slow headers": Attack("slow-header", "held", _ids),
    "a flood of pings": Attack("pings", "pings", _ids),
    "a flood of settings, their replies unread": Attack("settings", "settings", _ids),
    "an HPACK bomb": Attack("bomb", "bombs", _ids),
    "a flood of CONTINUATION frames": Attack("continuations", "frames", _ids),
    "JSON with 100,000 levels": Attack("nested", "calls", _nested),
    "2,000 calls under way on 50 connections": Attack("calls", "calls", _ids),
    "1,000 ticks under way on 50 connections": Attack("ticks", "calls", _ticks),
}
"""The attacks, in the order of the page."""
