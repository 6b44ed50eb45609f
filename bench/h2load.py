"""Many calls at once, made by h2load, which is written in C and so takes little of the machine."""

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
from bench.figures import Unit
from bench.measurement import Measurement
from bench.resources import cpu_of
from bench.servers import Server, temporary_folder

_LIMIT_SECONDS = 40.0
_NUMBERS = re.compile(
    r"finished in .*?requests: .*?(?P<done>\d+) done, (?P<good>\d+) succeeded"
    r".*?\((?P<data>\d+)\) data",
    re.DOTALL,
)
_WARM_CALLS = 50
_SAME_SIZE = 0.05
"""By what part the mean reply may differ from the one that was looked at."""
_HEADERS = (
    "content-type: application/grpc",
    "te: trailers",
    "grpc-encoding: gzip",
    "grpc-accept-encoding: identity, deflate, gzip",
)


@dataclass(frozen=True)
class Clients:
    """Who calls.

    Attributes:
        connections: how many connections there are.
        streams: how many calls are under way on each.
    """

    connections: int
    streams: int = 1


def is_there() -> bool:
    """Whether h2load is installed; if not, that is said on standard error."""
    if shutil.which("h2load"):
        return True
    print("no h2load (Debian: nghttp2-client), so no throughput", file=sys.stderr)
    return False


@dataclass(frozen=True)
class Target:
    """A server with the call that it gets, as Dagster's client makes it."""

    server: Server
    exchange: Exchange


def compare(
    it: Measurement,
    name: str,
    targets: Sequence[Target],
    clients: Clients,
    seconds: float,
    *,
    core: int | None = None,
) -> None:
    """Load these servers one after the other, and note the calls a second and the CPU of each.

    Args:
        it: where that is noted.
        name: of the figure.
        targets: the servers.
        clients: who calls.
        seconds: for how long.
        core: on which h2load runs; None for any.
    """
    for target in targets:
        key = target.server.key
        try:
            with temporary_folder() as folder:
                command = _command(target, folder / "request", core)
                per_second, used, own = _load(command, target.server, clients, seconds)
        except Refused as error:
            print(f"{name} of {key} has no figure: {error}", file=sys.stderr)
            continue
        it.add(name, key, Unit.PER_SECOND, per_second, more_is_better=True)
        it.add(f"{name}, server CPU", key, Unit.SECONDS, used)
        if core is not None:
            it.add(f"{name}, generator CPU", key, Unit.PERCENT, own)


def _command(target: Target, body: Path, core: int | None) -> list[str]:
    exchange = target.exchange
    body.write_bytes(_framed(exchange.request))
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    headers = [*_HEADERS, f"grpc-timeout: {exchange.timeout}S"]
    return [
        *[*pinned, "h2load", "-B", f"unix:{target.server.socket}", "-d", str(body)],
        *[word for header in headers for word in ("-H", header)],
        f"http://localhost/api.DagsterApi/{exchange.method}",
    ]


def _load(
    command: list[str], server: Server, clients: Clients, seconds: float
) -> tuple[float, float, float]:
    """Have these clients call for so long, each again when it has its answer.

    Before, the server gets 50 calls that do not count.

    Returns:
        Answered calls a second, seconds of CPU of the server for each, and what h2load used, in
        percent of one core.

    Raises:
        Refused: some call failed, or the replies have not the size of the one to a single call, as
            when they are errors; or nothing was answered.
    """
    once, size = _run(command, Clients(1), ["-n", "1"])
    if not once or not size:  # an error has no message
        raise Refused("the call fails")
    _run(command, clients, ["-n", str(_WARM_CALLS)])
    own, used = _cpu_of_children(), cpu_of(server)
    # It reads no fractions.
    done, data = _run(command, clients, ["-D", f"{seconds * 1000:.0f}ms"])
    own, used = _cpu_of_children() - own, cpu_of(server) - used
    if not done:
        raise Refused("no call was answered")
    # Of the calls that were under way at the end, some of the replies had come.
    unfinished = clients.connections * clients.streams
    if abs(data / size - done) > unfinished + _SAME_SIZE * done:
        raise Refused(f"replies are of {data / done:.0f} bytes instead of {size}")
    return done / seconds, used / done, own / seconds * 100


def _run(command: list[str], clients: Clients, more: list[str]) -> tuple[int, int]:
    """The number of calls that were answered, and the bytes of their replies."""
    who = ["-c", str(clients.connections), "-m", str(clients.streams)]
    try:
        run = subprocess.run(
            [*command, *who, *more],
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused("h2load does not end") from error
    found = _NUMBERS.search(run.stdout)
    if run.returncode or found is None:
        raise Refused(f"h2load: {run.stderr or run.stdout}")
    if found["good"] != found["done"]:
        raise Refused(f"only {found['good']} of {found['done']} calls did not fail")
    return int(found["done"]), int(found["data"])


def _framed(message: bytes) -> bytes:
    """The message as gRPC sends it: compressed if that is shorter, as Dagster's client does."""
    packed = gzip.compress(message, mtime=0)
    is_packed = len(packed) < len(message)
    body = packed if is_packed else message
    return struct.pack(">BI", is_packed, len(body)) + body


def _cpu_of_children() -> float:
    """Seconds that ended children of this process used; servers are reaped when all is over."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
