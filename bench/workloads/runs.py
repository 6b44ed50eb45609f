"""Runs: start, end and rate."""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench.launcher import Launcher, launching
from bench.measurement import Measurement
from bench.processes import threads
from bench.resources import rest
from bench.results import Unit
from bench.subjects import EXAMPLE, PACKAGES, many_assets

SUBJECTS = (EXAMPLE, PACKAGES, many_assets(1000))

_JOBS = {"short": "a run", "short_fresh": "a fresh run"}
"""The jobs, and the words for their runs in figures."""
_AT_ONCE = 20
_POLL_SECONDS = 0.05


def measure(it: Measurement) -> None:
    """Runs of a job with one op that does nothing, recorded in SQLite in DAGSTER_HOME.

    A run is created in the instance with the event RUN_STARTING, as Dagster's launcher gets it.
    Then StartRun is called over a new channel with the message of Dagster's client. The client
    itself is not used, because it opens the instance anew for every call, which takes longer than
    some replies. All times start with the call. The first event is the first one after
    RUN_STARTING. With all servers it is the engine event "Started process for run" of the run's own
    process. The start is the event RUN_START, when the job's code is loaded. The end is the status
    SUCCESS in the instance.

    A fresh run is of a job with the tag `codeserver/runs: fresh`, so it imports the code with all
    servers. With stock, the runs of the other job import it, too. The instance is asked every 10
    ms, which takes 2 to 3 ms of CPU each time. The servers run side by side and take turns, run by
    run. All come to rest before each run. The median is of 4 runs of the example and of 2 of
    others, after one that does not count.

    Run throughput is measured with the example only, once for each server. 20 threads start 20 runs
    at once. The figure is the number of runs that succeed, divided by the seconds until all have
    ended. The instance is asked 20 times a second.
    """
    warm_ups = it.times(1, quick=0)
    runs = it.times(4 if it.subject is EXAMPLE else 2)
    with ExitStack() as stack:
        servers = stack.enter_context(it.serving())
        launchers: list[tuple[str, Launcher]] = []
        for server in servers:
            with it.tolerated(server, "describe the job"):
                for job in _JOBS:
                    launchers.append((job, stack.enter_context(launching(server, job))))
        for number in range(warm_ups + runs):
            for job, launcher in launchers:
                rest(servers)
                _one(it, launcher, job, counts=number >= warm_ups)
        if it.subject is EXAMPLE:
            for launcher in (launcher for job, launcher in launchers if job == "short"):
                rest(servers)
                with it.tolerated(launcher.server, "runs at once"):
                    _many(it, launcher, it.times(_AT_ONCE, quick=2))


def _one(it: Measurement, launcher: Launcher, job: str, *, counts: bool) -> None:
    what = _JOBS[job]
    with it.tolerated(launcher.server, what):
        times = launcher.run()
        if counts:
            key = launcher.server.key
            if job == "short":
                it.add("time to the reply to StartRun", key, Unit.SECONDS, times.reply)
                it.add("time to the first event of a run", key, Unit.SECONDS, times.first_event)
            it.add(f"time to the start of {what}", key, Unit.SECONDS, times.start)
            it.add(f"time to the end of {what}", key, Unit.SECONDS, times.end)


def _many(it: Measurement, launcher: Launcher, runs: int) -> None:
    run_ids = [launcher.make() for _ in range(runs)]
    with threads(runs) as pool:
        began = time.monotonic()
        list(pool.map(launcher.start, run_ids))
        end = launcher.wait(run_ids, began, _POLL_SECONDS)
    rate = launcher.successes(run_ids) / (end - began)
    key = launcher.server.key
    it.add("run throughput, 20 at once", key, Unit.PER_SECOND, rate, more_is_better=True)
