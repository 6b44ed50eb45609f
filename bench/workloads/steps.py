"""Steps: how soon they start, and their cost, in runs of Dagster's multiprocess executor."""

from __future__ import annotations

import time

from dagster import DagsterEventType

from bench.client import Refused
from bench.launcher import Launcher, launching
from bench.measurement import Measurement
from bench.processes import eventually
from bench.resources import cpu_of, memory_of, rest
from bench.results import Unit
from bench.servers import CODE_SERVER, Server
from bench.subjects import EXAMPLE, many_assets

SUBJECTS = (EXAMPLE, many_assets(1000))

_JOBS = {
    "chain": "10 steps in a chain",
    "chain_fresh": "10 steps in a chain, fresh",
    "fan": "50 steps side by side",
}
"""The jobs, and the words for their runs in figures."""
_WAITING = 4
_POLL_SECONDS = 0.05
_STEP_SECONDS = 120.0


def measure(it: Measurement) -> None:
    """Runs with Dagster's multiprocess executor and its default settings; the ops do nothing.

    Each step is a process. A chain executes its steps one after the other. Fifty steps side by side
    are executed by as many processes at a time as there are cores. A fresh chain is of a job with
    the tag `codeserver/runs: fresh`: its run and each of its steps import the user's files with all
    servers. Times are from the call of StartRun to the status SUCCESS. The start of a step is the
    time from its event STEP_WORKER_STARTING to STEP_START. CPU is the user and system time of all
    processes of the server during the run. Memory is that of the server while four steps wait, less
    its memory before the run. Each run is measured once, after one of one step that is not counted,
    while the other server is at rest. A run of `dagster code-server start` is the same process as
    one of `dagster api grpc`, so it is left out.
    """
    kinds = [kind for kind in it.kinds if kind is not CODE_SERVER]
    with it.serving(kinds) as servers:
        for server in servers:
            with it.tolerated(server, "steps"):
                with launching(server, "short") as launcher:
                    _timed(launcher, servers)
                for job, what in list(_JOBS.items())[: it.times(len(_JOBS))]:
                    _measure(it, server, servers, job, what)
                _note_memory(it, server)


def _measure(it: Measurement, server: Server, servers: list[Server], job: str, what: str) -> None:
    with launching(server, job) as launcher:
        run_id, took, cpu = _timed(launcher, servers)
        it.add(f"time of {what}", server.key, Unit.SECONDS, took)
        it.add(f"CPU of {what}", server.key, Unit.SECONDS, cpu)
        ordered = launcher.times_of(run_id, DagsterEventType.STEP_WORKER_STARTING)
        begun = launcher.times_of(run_id, DagsterEventType.STEP_START)
        starts = (begun[step] - ordered[step] for step in ordered)
        it.add(f"start of a step, {what}", server.key, Unit.SECONDS, *starts)


def _timed(launcher: Launcher, servers: list[Server]) -> tuple[str, float, float]:
    """Execute a run; returns its id, its seconds and its CPU seconds."""
    rest(servers)
    run_id = launcher.make()
    before, began = cpu_of(launcher.server), time.monotonic()
    launcher.start(run_id)
    ended = launcher.wait([run_id], began, _POLL_SECONDS)
    rest([launcher.server])
    if launcher.successes([run_id]) != 1:
        raise Refused("the run did not succeed")
    return run_id, ended - began, cpu_of(launcher.server) - before


def _note_memory(it: Measurement, server: Server) -> None:
    with launching(server, "four_wait") as launcher:
        rest([server])
        before = memory_of(server.processes)
        run_id = launcher.make()
        launcher.start(run_id)
        if not eventually(
            lambda: len(launcher.times_of(run_id, DagsterEventType.STEP_START)) == _WAITING,
            _STEP_SECONDS,
        ):
            raise Refused(f"there are no {_WAITING} steps after {_STEP_SECONDS:.0f} s")
        used = memory_of(server.processes) - before
        it.add(f"memory of a run with {_WAITING} steps", server.key, Unit.BYTES, used)
        (server.home / "go").touch()
        launcher.wait([run_id], time.monotonic(), _POLL_SECONDS)
