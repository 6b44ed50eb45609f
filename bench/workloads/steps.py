"""Steps: how soon they start, and what they take, in runs of Dagster's multiprocess executor."""

from __future__ import annotations

import time
from contextlib import ExitStack

from dagster import DagsterEventType

from bench.figures import Unit
from bench.launcher import Launcher, launching
from bench.measurement import Measurement
from bench.resources import cpu_of, memory_of, rest
from bench.servers import Server
from bench.subjects import EXAMPLE, many_assets

SUBJECTS = (EXAMPLE, many_assets(1000))

_CHAINS = {"chain": "10 steps in a chain", "chain_fresh": "10 steps in a chain, fresh"}
_POLL_SECONDS = 0.05


def measure(it: Measurement) -> None:
    """Runs of jobs whose ops do nothing, with Dagster's multiprocess executor and its defaults.

    Each step is a process. A chain has ten steps, one after the other; a fan has fifty, of which
    the executor has as many under way as there are cores. A fresh chain is of a job with the tag
    `codeserver/runs: fresh`, so its run and each of its steps import the user's files with all
    servers. Times are from the call of StartRun to the status SUCCESS, as for runs. The start of a
    step is from the event STEP_WORKER_STARTING to STEP_START, median of all steps of the chain. CPU
    is user and system time of all processes of the server from before the run to after it. Memory
    is that of the server with a run whose four steps wait, less its memory before. The servers take
    turns; each waits until all are at rest. One run is not counted with ours; one run is counted
    with all.
    """
    with ExitStack() as stack:
        servers = stack.enter_context(it.serving())
        for server in servers:
            with it.tolerated(server, "steps"):
                _measure(it, server, servers)


def _measure(it: Measurement, server: Server, servers: list[Server]) -> None:
    for job, what in _CHAINS.items():
        with launching(server, job) as launcher:
            run_id = _timed(it, launcher, what, servers)
            name = f"start of a step, {what}"
            it.add(name, server.key, Unit.SECONDS, *_starts(launcher, run_id))
    with launching(server, "fan") as launcher:
        _timed(it, launcher, "50 steps side by side", servers)
    with launching(server, "four_wait") as launcher:
        rest(servers)
        before = memory_of(server.processes)
        run_id = launcher.make()
        launcher.start(run_id)
        while len(launcher.times_of(run_id, DagsterEventType.STEP_START)) < 4:
            time.sleep(_POLL_SECONDS)
        rest([server])
        used = memory_of(server.processes) - before
        it.add("memory of a run with 4 steps", server.key, Unit.BYTES, used)
        (server.home / "go").touch()
        launcher.wait([run_id], time.monotonic(), _POLL_SECONDS)


def _timed(it: Measurement, launcher: Launcher, what: str, servers: list[Server]) -> str:
    server = launcher.server
    rest(servers)
    before, began = cpu_of(server), time.monotonic()
    run_id = launcher.make()
    launcher.start(run_id)
    ended = launcher.wait([run_id], began, _POLL_SECONDS)
    rest([server])
    it.add(f"time of {what}", server.key, Unit.SECONDS, ended - began)
    it.add(f"CPU of {what}", server.key, Unit.SECONDS, cpu_of(server) - before)
    return run_id


def _starts(launcher: Launcher, run_id: str) -> list[float]:
    """Seconds from the order to start each step until it executes its op."""
    ordered = launcher.times_of(run_id, DagsterEventType.STEP_WORKER_STARTING)
    begun = launcher.times_of(run_id, DagsterEventType.STEP_START)
    return [begun[step] - ordered[step] for step in ordered]
