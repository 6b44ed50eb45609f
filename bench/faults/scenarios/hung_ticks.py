"""Ticks of a sensor that never returns."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from bench.calls import SHORT_SECONDS, Attempt, attempt
from bench.faults.probes import Probe, running
from bench.faults.results import Result
from bench.faults.server import Server
from bench.processes import thread_exists
from bench.wording import seconds, shorten

_TICKS = 40
_DEADLINE = 2
_AFTERWARDS = 10.0
_PER_SECOND = 20
_OTHERS_PER_SECOND = 5


def measure(server: Server) -> Result:
    """40 ticks of a hanging sensor at once, each with a deadline of 2 s.

    From then on until 10 s after the last deadline, GetServerId is called 20 times a second, the
    health check and ListRepositories 5 times a second and a healthy sensor once a second, each with
    a limit of 2 s. Then comes a tick of the healthy sensor with a limit of 10 s. A thread counts as
    hanging when it has begun a tick of the hanging sensor and exists at the very end.
    """
    marks = server.folder / "hung"
    marks.mkdir()
    before = server.usage
    ids = Probe(server.calls.server_id, _PER_SECOND)
    health = Probe(server.calls.health, _OTHERS_PER_SECOND)
    listing = Probe(server.calls.list_repositories, _OTHERS_PER_SECOND)
    healthy_ticks = Probe(lambda: server.calls.tick("healthy", seconds=SHORT_SECONDS), 1)
    with running(ids, health, listing, healthy_ticks):
        ticks = _hang(server, marks)
        time.sleep(_AFTERWARDS)
    healthy = attempt(lambda: server.calls.tick("healthy", seconds=10))
    after = server.usage
    begun, hanging = _hanging(marks)
    return Result(
        summary=f"GetServerId {ids.answers.short}; healthy tick afterwards "
        + (f"works, {seconds(healthy.seconds)}" if healthy.error is None else "fails")
        + f"; {hanging} threads hang for good, "
        f"processes {before.processes} → {after.processes}",
        details={
            "a hung tick's caller gets": f"{shorten(str(ticks[0].error), 64)}",
            "GetServerId": str(ids.answers),
            "health check": str(health.answers),
            "ListRepositories": str(listing.answers),
            "healthy ticks meanwhile": str(healthy_ticks.answers),
            "healthy tick afterwards": _tick(healthy),
            "threads that hang at the end": f"{hanging} (of {begun} ticks that began)",
            "processes, threads": f"{before.processes}, {before.threads} before; "
            f"{after.processes}, {after.threads} at the end",
        },
        numbers={
            "get_server_id": asdict(ids.answers),
            "health": asdict(health.answers),
            "list_repositories": asdict(listing.answers),
            "healthy_ticks": asdict(healthy_ticks.answers),
            "hung_tick_error": ticks[0].error,
            "hung_tick_seconds_max": max(tick.seconds for tick in ticks),
            "healthy_tick_seconds": healthy.seconds if healthy.error is None else None,
            "healthy_tick_error": healthy.error,
            "ticks_begun": begun,
            "threads_hanging": hanging,
            "usage_before": asdict(before),
            "usage_after": asdict(after),
        },
    )


def _hang(server: Server, marks: Path) -> list[Attempt]:
    with ThreadPoolExecutor(_TICKS) as threads:
        ticks = [
            threads.submit(
                attempt, lambda: server.calls.tick("hangs", str(marks), seconds=_DEADLINE)
            )
            for _ in range(_TICKS)
        ]
    return [tick.result() for tick in ticks]


def _hanging(marks: Path) -> tuple[int, int]:
    """How many ticks began, and how many of them are still in it."""
    threads = [tuple(map(int, mark.name.split("-"))) for mark in marks.iterdir()]
    return len(threads), sum(thread_exists(pid, thread) for pid, thread in threads)


def _tick(healthy: Attempt) -> str:
    if healthy.error is None:
        return f"works, {seconds(healthy.seconds)}"
    return f"fails: {shorten(healthy.error)}"
