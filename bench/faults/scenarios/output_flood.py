"""A tick that prints much, while the owner of the server does not read what it prints."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import asdict

from bench.calls import SHORT_SECONDS, Attempt, attempt
from bench.faults.probes import Probe, running
from bench.faults.results import Result
from bench.faults.server import Server
from bench.wording import megabytes, seconds, shorten

_PAUSE = 10.0
_TICK_SECONDS = 50
_PER_SECOND = 20
_SETTLE = 1.0


def measure(server: Server) -> Result:
    """One tick that prints a million lines of 100 bytes to its standard output.

    For 10 s nobody reads the pipe that is the server's standard output and standard error, as with
    a paused terminal or a stuck log driver; afterwards it is read again. GetServerId is called 20
    times and a healthy sensor once a second in those 10 s. The tick may take 50 s.
    """
    ids = Probe(server.calls.server_id, _PER_SECOND)
    ticks = Probe(lambda: server.calls.tick("healthy", seconds=SHORT_SECONDS), 1)
    printed = server.output.size
    with ThreadPoolExecutor(1) as threads:
        with server.output.paused(), running(ids, ticks):
            future = threads.submit(
                attempt, lambda: server.calls.tick("floods", seconds=_TICK_SECONDS)
            )
            end = time.monotonic() + _PAUSE
            try:
                tick = future.result(_PAUSE)
                finished = True
            except NotYet:
                finished = False
            time.sleep(max(0.0, end - time.monotonic()))
        tick = future.result()
    time.sleep(_SETTLE)
    arrived = server.output.size - printed
    return Result(
        summary=f"GetServerId {ids.answers.short}; tick {_done(tick, finished)}; "
        f"{megabytes(arrived)} of the output arrive",
        details={
            "GetServerId meanwhile": str(ids.answers),
            "healthy ticks meanwhile": str(ticks.answers),
            "the tick": _done(tick, finished),
            "output that arrived": f"{megabytes(arrived)} of 100 MB",
        },
        numbers={
            "get_server_id": asdict(ids.answers),
            "healthy_ticks": asdict(ticks.answers),
            "tick_seconds": tick.seconds,
            "tick_error": tick.error,
            "finished_while_nobody_read": finished,
            "output_bytes": arrived,
        },
    )


def _done(tick: Attempt, finished: bool) -> str:
    if tick.error is not None:
        return f"fails after {seconds(tick.seconds)}: {shorten(tick.error, 100)}"
    if finished:
        return f"done after {seconds(tick.seconds)}"
    return f"hangs until somebody reads ({seconds(tick.seconds)})"
