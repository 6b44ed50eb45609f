"""Runs: how soon one begins and ends, and how many are done a second."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.launcher import Launcher, launching
from bench.comparison.samples import Samples, tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, PACKAGES, Subject, many_assets
from bench.processes import kill_descendants
from bench.reload.rest import rest
from bench.servers import Kind

SUBJECTS: tuple[Subject, ...] = (EXAMPLE, PACKAGES, many_assets(1000))
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)

_JOBS = {"short": "a run", "short_fresh": "a fresh run"}
"""The jobs, and the words for their runs."""
_AT_ONCE = 20
_POLL_SECONDS = 0.05


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
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
    samples = Samples(subject.name)
    warm_ups = effort.times(1, quick=0)
    runs = effort.times(4 if subject is EXAMPLE else 2)
    with ExitStack() as stack:
        servers = stack.enter_context(serving(kinds, subject))
        launchers: list[tuple[str, Launcher]] = []
        for server in servers:
            with tolerated(server, "describe the job"):
                for job in _JOBS:
                    launchers.append((job, stack.enter_context(launching(server, job))))
        for number in range(warm_ups + runs):
            for job, launcher in launchers:
                rest(servers)
                _one(launcher, job, samples, counts=number >= warm_ups)
        if subject is EXAMPLE:
            for launcher in (launcher for job, launcher in launchers if job == "short"):
                rest(servers)
                _many(launcher, samples, effort.times(_AT_ONCE, quick=2))
    yield from samples.figures()


def _one(launcher: Launcher, job: str, samples: Samples, *, counts: bool) -> None:
    what = _JOBS[job]
    with tolerated(launcher.server, what):
        times = launcher.run()
        if counts:
            kind = launcher.server.kind
            if job == "short":
                first = times.first_event
                samples.add("time to the reply to StartRun", kind, Unit.SECONDS, times.reply)
                samples.add("time to the first event of a run", kind, Unit.SECONDS, first)
            samples.add(f"time to the start of {what}", kind, Unit.SECONDS, times.start)
            samples.add(f"time to the end of {what}", kind, Unit.SECONDS, times.end)


def _many(launcher: Launcher, samples: Samples, runs: int) -> None:
    with tolerated(launcher.server, f"{runs} runs at once"):
        run_ids = [launcher.make() for _ in range(runs)]
        with ThreadPoolExecutor(runs) as threads:
            began = time.monotonic()
            replies = [threads.submit(launcher.start, run_id) for run_id in run_ids]
            try:
                for reply in replies:
                    reply.result()
            except KeyboardInterrupt:
                kill_descendants()  # or the calls that are under way would be waited for
                raise
            end = launcher.wait(run_ids, began, _POLL_SECONDS)
        rate = launcher.successes(run_ids) / (end - began)
        samples.add(
            "run throughput, 20 at once",
            launcher.server.kind,
            Unit.PER_SECOND,
            rate,
            more_is_better=True,
        )
