"""Ticks that use a lot of CPU."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from bench.calls import attempt
from bench.faults.probes import Probe, running
from bench.faults.results import Result
from bench.faults.server import Server
from bench.wording import seconds

_TICKS = 4
_DEADLINE = 60
_PER_SECOND = 20


def measure(server: Server) -> Result:
    """Four ticks at once that use 3 s of CPU each, in pure Python.

    GetServerId is called 20 times a second, with a limit of 2 s and a new channel for each call,
    until the last of them has ended.
    """
    began = time.monotonic()
    ids = Probe(server.calls.server_id, _PER_SECOND)
    with running(ids):
        with ThreadPoolExecutor(_TICKS) as threads:
            futures = [
                threads.submit(attempt, lambda: server.calls.tick("burns", seconds=_DEADLINE))
                for _ in range(_TICKS)
            ]
        ticks = [future.result() for future in futures]
        took = time.monotonic() - began
    works = sum(tick.error is None for tick in ticks)
    return Result(
        summary=f"GetServerId {ids.answers.short}; ticks done after {seconds(took)}",
        details={
            "GetServerId meanwhile": str(ids.answers),
            "ticks": f"{works} of {_TICKS} answered, the last after {seconds(took)}",
        },
        numbers={
            "get_server_id": asdict(ids.answers),
            "ticks_answered": works,
            "ticks_seconds": took,
        },
    )
