"""How long servers take to start."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from bench.comparison import cpu
from bench.comparison.client import Client, socket_of
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.servers import KINDS, START_SECONDS, Kind, Server, environment

SUBJECTS = (EXAMPLE, many_assets(100), many_assets(1000), many_assets(5000))
QUICK_SUBJECTS = (EXAMPLE,)

_TIMES = {4: 3, 5000: 1}
"""By number of assets; two of others."""
_SNAPSHOT = "location.snap"
_BAKED = Kind(
    "ours-snapshot",
    "codeserver, snapshot",
    (*KINDS["ours"].arguments, "--snapshot", _SNAPSHOT),
)
_POLL_SECONDS = 0.005
_HEALTH_SECONDS = 2


@dataclass(frozen=True)
class _Start:
    """Seconds since the process was started, and of CPU until the end of all that."""

    port: float
    serving: float
    loaded: float
    cpu: float


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """The time from the moment just before a server's process is started until it can be used.

    One server runs at a time, in turns, three times each for the example, twice for 100 and 1,000
    assets and once for 5,000, and is killed after its turn. Its code is in a new folder each time,
    so Python compiles it; Dagster and all other packages are compiled. Every 5 ms it is tried
    whether its socket accepts a connection ("to port"). From then on, the standard health service
    is asked every 5 ms over one channel until it says SERVING. Then the location is loaded by
    Dagster's client with `create_location`, as the webserver does it: ListRepositories,
    GetServerId, ExternalRepository with deferred snapshots, and ExternalJob for each job from four
    threads; if that fails, it is tried again after 5 ms. What the client needs to make objects of
    the replies is in that time. The CPU is what the server's processes have used by then. The
    server called "codeserver, snapshot" has `--snapshot` with a file that `codeserver snapshot` has
    made before; its first location load comes before its code is loaded.
    """
    found = defaultdict[str, list[_Start]](list)
    baked = [_BAKED] if KINDS["ours"] in kinds else []
    for _ in range(effort.times(_TIMES.get(subject.assets, 2))):
        for kind in (*kinds, *baked):
            try:
                found[kind.key].append(_start(kind, subject))
            except RuntimeError as error:
                print(error, file=sys.stderr)
    for key, starts in found.items():
        for name, samples in (
            ("time from exec to port", [start.port for start in starts]),
            ("time from exec to health SERVING", [start.serving for start in starts]),
            ("time from exec to first location load", [start.loaded for start in starts]),
            ("server CPU until first location load", [start.cpu for start in starts]),
        ):
            yield Figure(name, subject.name, key, Unit.SECONDS, samples)


def _start(kind: Kind, subject: Subject) -> _Start:
    with ExitStack() as stack:
        name = TemporaryDirectory(prefix="compared-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(name))
        code = subject.place(folder / "code")
        if kind == _BAKED:
            _bake(folder, code)
        gc.collect()
        began = time.monotonic()
        server = stack.enter_context(closing(Server(kind, folder, code)))
        _wait(server, lambda: _accepts(socket_of(server)))
        port = time.monotonic() - began
        with grpc.insecure_channel(f"unix:{socket_of(server)}") as channel:
            health = HealthStub(channel)
            _wait(server, lambda: _is_serving(health))
        serving = time.monotonic() - began
        client = Client(server)
        _wait(server, lambda: _loads(client))
        return _Start(port, serving, time.monotonic() - began, cpu.used(server))


def _bake(folder: Path, code: Path) -> None:
    command = [sys.executable, "-m", "codeserver", "snapshot", "-f", str(code), "-o", _SNAPSHOT]
    subprocess.run(
        command,
        cwd=folder,
        env=environment(folder / "home", folder),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=120,
    )


def _wait(server: Server, is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not is_so():
        if server.exit_code is not None or time.monotonic() > end:
            raise RuntimeError(f"{server.kind.label} does not start: {server.output.text}")
        time.sleep(_POLL_SECONDS)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def _is_serving(health: HealthStub) -> bool:
    request = health_pb2.HealthCheckRequest(service="DagsterApi")
    try:
        reply = health.Check(request, timeout=_HEALTH_SECONDS)
    except grpc.RpcError:
        return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def _loads(client: Client) -> bool:
    try:
        client.load().cleanup()
    except Exception:  # of any kind, as long as the server is not ready
        return False
    return True
