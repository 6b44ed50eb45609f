"""How many calls a second a server answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bench.echo
from bench.client import Client, Exchange
from bench.h2load import Clients, Target, compare, is_there
from bench.measurement import Measurement
from bench.resources import rest
from bench.servers import Kind, Server, started
from bench.subjects import many_assets

SUBJECTS = (many_assets(1000),)

_ECHO = Kind("echo", "bare gRPC server", (bench.echo.__file__,))
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
    seconds = _QUICK_SECONDS if it.quick else _SECONDS
    with it.serving() as servers:
        for server in servers:
            server.client.tick("quick")
        for name, call in _calls(it.subject.job).items():
            targets: list[Target] = []
            for server in servers:
                with it.tolerated(server, name):
                    targets.append(Target(server, server.client.exchange(call)))
            if not targets:
                continue
            with _echoing(targets[0].exchange) as echo:
                rest(servers)
                _confine([*servers, echo])
                targets.append(Target(echo, targets[0].exchange))
                for title, clients in _CLIENTS.items():
                    for _ in range(it.times(_ROUNDS)):
                        compare(it, f"{name}, {title}", targets, clients, seconds, core=_GENERATOR)


def _calls(job: str) -> dict[str, Callable[[Client], str]]:
    return {
        "GetServerId": lambda client: client.server_id(),
        "ListRepositories": lambda client: client.list_repositories(),
        "ExternalJob": lambda client: client.job(job),
    }


@contextmanager
def _echoing(exchange: Exchange) -> Iterator[Server]:
    """A server that sends the reply of this exchange; it is killed at the end."""

    def place(folder: Path) -> Path:
        folder.mkdir()
        (folder / exchange.method).write_bytes(exchange.reply)
        return folder

    with started(_ECHO, place) as server:
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
