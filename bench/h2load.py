"""Load from many concurrent calls, made by h2load, a C program that uses little CPU."""

from __future__ import annotations

import gzip
import re
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.client import Exchange, Refused
from bench.measurement import Measurement
from bench.resources import cpu_of
from bench.results import Unit
from bench.servers import Server, temporary_folder

_LIMIT_SECONDS = 40.0
_NUMBERS = re.compile(
    r"finished in .*?requests: .*?(?P<done>\d+) done, (?P<good>\d+) succeeded"
    r".*?\((?P<data>\d+)\) data",
    re.DOTALL,
)
_WARM_CALLS = 50
_SAME_SIZE = 0.05
"""The largest relative difference between the mean size of the replies and the checked one."""
_HEADERS = (
    "content-type: application/grpc",
    "te: trailers",
    "grpc-encoding: gzip",
    "grpc-accept-encoding: identity, deflate, gzip",
)


@dataclass(frozen=True)
class Clients:
    """The callers: a number of connections, with concurrent calls on each."""

    connections: int
    streams: int = 1


Target = tuple[Server, Exchange]
"""A server, and the call to make to it, as Dagster's client makes it."""


def is_there() -> bool:
    """Whether h2load is installed; if not, standard error says so."""
    if shutil.which("h2load"):
        return True
    print("no h2load (Debian: nghttp2-client), so no throughput", file=sys.stderr)
    return False


def compare(
    it: Measurement,
    name: str,
    targets: Sequence[Target],
    clients: Clients,
    seconds: float,
    *,
    core: int | None = None,
) -> None:
    """Load the servers one after the other, and note the calls a second and the CPU of each.

    Args:
        it: takes the figures of this name.
        name: name of the figure.
        targets: the servers and their calls.
        clients: the callers.
        seconds: duration of the load for each server.
        core: the core for h2load; None for any.
    """
    for server, exchange in targets:
        key = server.key
        try:
            with temporary_folder() as folder:
                at = ["-B", f"unix:{server.socket}"]
                command = _command(at, "localhost", exchange, folder / "request", core)
                per_second, used, own = _load(command, server, clients, seconds)
        except Refused as error:
            print(f"{name} of {key} has no figure: {error}", file=sys.stderr)
            continue
        it.add(name, key, Unit.PER_SECOND, per_second, more_is_better=True)
        it.add(f"{name}, server CPU", key, Unit.SECONDS, used)
        if core is not None:
            it.add(f"{name}, generator CPU", key, Unit.PERCENT, own)


def rate(target: Target, port: int, host: str, clients: Clients, seconds: float) -> float:
    """The calls a second that a server answers at a port, if the clients give it this host name.

    Raises:
        Refused: see `_load`.
    """
    server, exchange = target
    with temporary_folder() as folder:
        at = ["--connect-to", f"127.0.0.1:{port}"]
        command = _command(at, host, exchange, folder / "request", None)
        per_second, _, _ = _load(command, server, clients, seconds)
    return per_second


def _command(
    at: Sequence[str], host: str, exchange: Exchange, body: Path, core: int | None
) -> list[str]:
    # In gRPC's framing, compressed if that is shorter, as in Dagster's client.
    message = min(exchange.request, gzip.compress(exchange.request, mtime=0), key=len)
    body.write_bytes(struct.pack(">BI", message != exchange.request, len(message)) + message)
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    headers = [*_HEADERS, f"grpc-timeout: {exchange.timeout}S"]
    return [
        *[*pinned, "h2load", *at, "-d", str(body)],
        *[word for header in headers for word in ("-H", header)],
        f"http://{host}/api.DagsterApi/{exchange.method}",
    ]


def _load(
    command: list[str], server: Server, clients: Clients, seconds: float
) -> tuple[float, float, float]:
    """Let the clients call for `seconds`; each calls again when it has its reply.

    The server first gets 50 warm-up calls that do not count.

    Returns:
        Answered calls a second, the server's CPU seconds per call, and the CPU of h2load in percent
        of one core.

    Raises:
        Refused: a call failed, no call was answered, or the size of the replies differs from that
            of a single call, as it does for errors.
    """
    once, size = _run(command, Clients(1), ["-n", "1"])
    if not once or not size:  # an error reply has no message
        raise Refused("the call fails")
    _run(command, clients, ["-n", str(_WARM_CALLS)])
    own, used = _cpu_of_children(), cpu_of(server)
    # h2load accepts no fractions of a second.
    done, data = _run(command, clients, ["-D", f"{seconds * 1000:.0f}ms"])
    own, used = _cpu_of_children() - own, cpu_of(server) - used
    if not done:
        raise Refused("no call was answered")
    # Parts of the replies to the calls under way at the end had already arrived.
    unfinished = clients.connections * clients.streams
    if abs(data / size - done) > unfinished + _SAME_SIZE * done:
        raise Refused(f"replies are of {data / done:.0f} bytes instead of {size}")
    return done / seconds, used / done, own / seconds * 100


def _run(command: list[str], clients: Clients, more: list[str]) -> tuple[int, int]:
    """Run h2load; returns the number of answered calls, and the bytes of their replies."""
    words = [*command, "-c", str(clients.connections), "-m", str(clients.streams), *more]
    try:
        run = subprocess.run(
            words, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Refused("h2load does not end") from error
    found = _NUMBERS.search(run.stdout)
    if run.returncode or found is None:
        raise Refused(f"h2load: {run.stderr or run.stdout}")
    if found["good"] != found["done"]:
        raise Refused(f"only {found['good']} of {found['done']} calls did not fail")
    return int(found["done"]), int(found["data"])


def _cpu_of_children() -> float:
    """CPU seconds of the ended children of this process; servers are not yet among them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
