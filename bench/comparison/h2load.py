"""Many calls at once, made by h2load, which is written in C and so takes little of the machine."""

from __future__ import annotations

import gzip
import re
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.calls import Refused
from bench.comparison.client import Exchange
from bench.comparison.cpu import used_by

_EXTRA_SECONDS = 30.0
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


@dataclass(frozen=True)
class Load:
    """What came of it.

    Attributes:
        per_second: calls that were answered.
        server_cpu: seconds that the server used for each.
        generator_cpu: what h2load used, in percent of one core.
    """

    per_second: float
    server_cpu: float
    generator_cpu: float


def is_there() -> bool:
    """Whether h2load is installed; if not, that is said on standard error."""
    if shutil.which("h2load"):
        return True
    print("no h2load (Debian: nghttp2-client), so no throughput", file=sys.stderr)
    return False


class Caller:
    """A call that can be made over and over.

    Args:
        exchange: the call, as Dagster's client makes it.
        folder: an empty one, for the request.
        core: on which h2load runs; None for any.
    """

    def __init__(self, exchange: Exchange, folder: Path, core: int | None = None) -> None:
        self._body = folder / "request"
        self._body.write_bytes(_framed(exchange.request))
        self._url = f"http://localhost/api.DagsterApi/{exchange.method}"
        self._headers = [*_HEADERS, f"grpc-timeout: {exchange.timeout}S"]
        self._pinned = [] if core is None else ["taskset", "-c", str(core)]

    def load(self, pid: int, socket: Path, clients: Clients, seconds: float) -> Load:
        """Have these clients call a server for so long, each again when it has its answer.

        Before, it gets 50 calls that do not count.

        Args:
            pid: of the server.
            socket: what it serves on.
            clients: who calls.
            seconds: for how long.

        Raises:
            Refused: some call failed, or the replies have not the size of the one to a single call,
                as when they are errors; or nothing was answered.
        """
        wanted = self._reply_size(socket)
        self._run(socket, clients, ["-n", str(_WARM_CALLS)], 0.0)
        own, server = _cpu_of_children(), used_by(pid)
        duration = f"{seconds * 1000:.0f}ms"  # it reads no fractions
        done, data = self._run(socket, clients, ["-D", duration], seconds)
        own, server = _cpu_of_children() - own, used_by(pid) - server
        if not done:
            raise Refused("no call was answered")
        # Of the calls that were under way at the end, some of the replies had come.
        unfinished = clients.connections * clients.streams
        if abs(data / wanted - done) > unfinished + _SAME_SIZE * done:
            raise Refused(f"replies are of {data / done:.0f} bytes instead of {wanted:.0f}")
        return Load(done / seconds, server / done, own / seconds * 100)

    def _reply_size(self, socket: Path) -> float:
        done, data = self._run(socket, Clients(1), ["-n", "1"], 0.0)
        if not done or not data:  # an error has no message
            raise Refused("the call fails")
        return data / done

    def _run(
        self, socket: Path, clients: Clients, more: list[str], seconds: float
    ) -> tuple[int, int]:
        """The number of calls that were answered, and the bytes of their replies."""
        command = [*self._pinned, "h2load", "-B", f"unix:{socket}", "-d", str(self._body)]
        command += ["-c", str(clients.connections), "-m", str(clients.streams), *more]
        for header in self._headers:
            command += ["-H", header]
        try:
            run = subprocess.run(
                [*command, self._url],
                capture_output=True,
                text=True,
                timeout=seconds + _EXTRA_SECONDS,
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


@contextmanager
def caller(exchange: Exchange, core: int | None = None) -> Iterator[Caller]:
    """A caller, whose request is deleted at the end."""
    with TemporaryDirectory(prefix="compared-") as folder:
        yield Caller(exchange, Path(folder), core)


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
