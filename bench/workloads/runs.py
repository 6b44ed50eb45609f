"""Runs: how soon one begins and ends, and how many are done a second."""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench.figures import Unit
from bench.launcher import Launcher, launching
from bench.measurement import Measurement
from bench.processes import threads
from bench.resources import rest
from bench.subjects import EXAMPLE, PACKAGES, many_assets

SUBJECTS = (EXAMPLE, PACKAGES, many_assets(1000))

_JOBS = {"short": "a run", "short_fresh": "a fresh run"}
"""The jobs, and the words for their runs in figures."""
_AT_ONCE = 20
_POLL_SECONDS = 0.05


def measure(it: Measurement) -> None:
    """Runs of a job that has one op, which does nothing, recorded in SQLite in DAGSTER_HOME.

    A run is made as Dagster's launcher gets it: in the instance, with the event RUN_STARTING. Then
    StartRun is called over a new channel, with the message that Dagster's client sends, but without
    the instance that this client opens anew for every call, which takes longer than some replies.
    All times begin with that call. The first event is the first one after RUN_STARTING; with all
    servers it is the engine event "Started process for run" of the run's own process. The start is
    the event RUN_START: the job's code is there. The end is when the run has the status SUCCESS in
    the instance. A fresh run is of a job with the tag `codeserver/runs: fresh`, so it imports the
    code with all servers; the other job's runs do so with stock. The instance is asked every 10 ms,
    which takes 2 to 3 ms of CPU each time. The servers run side by side and take turns, run by run,
    and each run waits until all are at rest; the median is of 4 runs of the example and of 2 of
    others, after one that is not counted.

    Run throughput, at the example only: 20 runs are started at once from 20 threads, and 20 is
    divided by the seconds until all of them have ended, which is looked at 20 times a second; once
    for each server. When runs fail, only those that have succeeded count.
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
