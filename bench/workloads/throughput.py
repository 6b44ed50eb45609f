"""Throughput of calls."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.client import HOT_CALLS, Exchange
from bench.h2load import Clients, Target, compare, is_there
from bench.measurement import Measurement
from bench.resources import rest
from bench.servers import ECHO, Server, started
from bench.subjects import many_assets

SUBJECTS = (many_assets(1000),)

_CORES = sorted(os.sched_getaffinity(0))
_GENERATOR = _CORES[-1] if len(_CORES) > 1 else None
"""The core of the load generator; None if the machine has only one core."""
_ROUNDS = 2
_SECONDS = 1.0
_QUICK_SECONDS = 0.5
_CLIENTS = {
    "16 connections": Clients(16),
    "one connection, 16 at once": Clients(1, 16),
}


def measure(it: Measurement) -> None:
    """Calls a second with 16 clients, each of which calls again when it has its reply.

    h2load makes the calls over 16 connections, one at a time on each, or over one connection, 16 at
    a time. It sends the recorded requests of Dagster's client with the same compression, and
    accepts compressed replies. A round lasts 1 s, after 50 calls that do not count. The servers
    take two turns for each call. Dagster's client checks each call first, and the mean size of the
    replies must be that of this first reply. Otherwise there is no figure, because errors of gRPC
    have no message.

    "Server CPU" is the CPU of all processes of the server during the round, divided by the number
    of calls. The "bare gRPC server" is the upper limit. It is a process with only `grpc.aio` and
    uvloop, as in the front of codeserver, and replies with the bytes of the first of the servers,
    not compressed. h2load has one core to itself. The servers, with all processes that they start,
    have the others: one core on a machine with two. "Generator CPU" is the share of its core that
    h2load used. If it is far below 100 %, h2load was not the limit.
    """
    if not is_there():
        return
    seconds = _QUICK_SECONDS if it.quick else _SECONDS
    with it.serving() as servers:
        for server in servers:
            server.client.tick("quick")
        for name in HOT_CALLS:
            targets: list[Target] = []
            for server in servers:
                with it.tolerated(server, name):
                    call = server.client.hot_calls(it.subject.job)[name]
                    targets.append((server, server.client.exchange(call)))
            if not targets:
                continue
            (_, exchange), *_ = targets
            with _echoing(exchange) as echo:
                rest(servers)
                _confine([*servers, echo])
                targets.append((echo, exchange))
                for title, clients in _CLIENTS.items():
                    for _ in range(it.times(_ROUNDS)):
                        compare(it, f"{name}, {title}", targets, clients, seconds, core=_GENERATOR)


@contextmanager
def _echoing(exchange: Exchange) -> Iterator[Server]:
    """A server that sends the reply of this exchange; it is killed at the end."""

    def place(folder: Path) -> Path:
        folder.mkdir()
        (folder / exchange.method).write_bytes(exchange.reply)
        return folder

    with started(ECHO, place) as server:
        server.wait_until(server.socket.exists)
        yield server


def _confine(servers: Iterable[Server]) -> None:
    """Confine these servers, with all their threads, to the cores that the generator leaves.

    Processes that they start later inherit this.
    """
    if _GENERATOR is None:
        return
    for process in (process for server in servers for process in server.processes):
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(thread.name), _CORES[:-1])
