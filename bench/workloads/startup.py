"""Time to start."""

from __future__ import annotations

import gc
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.attempts import attempt
from bench.client import Refused, health
from bench.measurement import Measurement
from bench.resources import cpu_of, run
from bench.results import Unit
from bench.servers import BAKED, OURS, Kind, made_home, started, temporary_folder
from bench.subjects import EXAMPLE, many_assets

SUBJECTS = (EXAMPLE, many_assets(100), many_assets(1000), many_assets(5000))

_TIMES = {4: 3, 5000: 1}
"""Number of starts by number of assets; two for other locations."""
_POLL_SECONDS = 0.005


def measure(it: Measurement) -> None:
    """The time from the start of a server's process until the server can be used.

    One server runs at a time. The servers take turns: three each for the example, two for 100 and
    1,000 assets, and one for 5,000. A server is killed after its turn. Its code is in a new folder
    each time, so Python compiles it. Dagster and all other packages are compiled already. The clock
    starts just before the process.

    The bench tries every 5 ms to connect to the socket ("port"). Then it asks the standard health
    service every 5 ms, over one channel, until the reply is SERVING. Then Dagster's client loads
    the location with `create_location`, as the webserver does: ListRepositories, GetServerId,
    ExternalRepository with deferred snapshots, and ExternalJob for each job from four threads. If
    that fails, the client tries again after 5 ms. The client makes objects of the replies, and the
    time includes that. The CPU is that of the server's processes until then.

    The server "codeserver, snapshot" has `--snapshot` with a file from an earlier `codeserver
    snapshot`. Its first location load comes before its code is loaded.
    """
    with temporary_folder() as folder:
        kinds = [*it.kinds, *([_baked(it, folder)] if OURS in it.kinds else [])]
        for _ in range(it.times(_TIMES.get(it.subject.assets, 2))):
            for kind in kinds:
                gc.collect()
                try:
                    _start(it, kind)
                except (RuntimeError, Refused) as error:
                    print(error, file=sys.stderr)


def _baked(it: Measurement, folder: Path) -> Kind:
    """Codeserver with a snapshot of the location, which is made here."""
    code, snapshot = it.subject.place(folder / "code"), str(folder / "location.snap")
    command = ["-m", "codeserver", "snapshot", "-f", str(code), "-o", snapshot]
    run(command, folder, made_home(folder))
    return replace(BAKED, arguments=(*BAKED.arguments, "--snapshot", snapshot))


def _start(it: Measurement, kind: Kind) -> None:
    with started(kind, it.subject.place) as server:

        def wait(name: str, is_so: Callable[[], bool]) -> None:
            server.wait_until(is_so, _POLL_SECONDS)
            seconds = time.monotonic() - server.began
            it.add(f"time from exec to {name}", kind.key, Unit.SECONDS, seconds)

        wait("port", lambda: _accepts(server.socket))
        with server.client.channel() as channel:
            wait("health SERVING", lambda: attempt(lambda: health(channel)).answer == "SERVING")
        # Any error may occur until the server is ready.
        wait("first location load", lambda: attempt(server.client.load).error is None)
        name = "server CPU until first location load"
        it.add(name, kind.key, Unit.SECONDS, cpu_of(server))


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0
