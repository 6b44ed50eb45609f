"""Health probes: what the command takes that containers run every few seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.calls import Refused
from bench.comparison.client import socket_of
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.samples import Samples, tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)

_OURS = ("codeserver", "health")
_STOCK = ("dagster", "api", "grpc-health-check")
_LIMIT_SECONDS = 60.0


class _Probe(NamedTuple):
    """How long a probe took, and its seconds of CPU."""

    took: float
    cpu: float


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """The health probe of a running server, from the start of the command to its end.

    For `codeserver grpc` that is `codeserver health`, for the two others
    `dagster api grpc-health-check`, both run by the same Python as `python -m`. CPU is user and
    system time of the command's process, as the kernel reports it at its end; that of the server is
    not in it. All servers run side by side and are probed in turns, after all have come to rest;
    the median is of 9 probes, after one that is not counted. A probe that does not say that the
    server is healthy does not count.
    """
    samples = Samples(subject.name)
    with serving(kinds, subject) as servers:
        for number in range(effort.times(10, quick=2)):
            for server in servers:
                rest(servers)
                with tolerated(server, "a health probe"):
                    probe = _probe(server)
                    if number:
                        _note(samples, server.kind, probe)
    yield from samples.figures()


def _note(samples: Samples, kind: Kind, probe: _Probe) -> None:
    samples.add("time of a health probe", kind, Unit.SECONDS, probe.took)
    samples.add("CPU of a health probe", kind, Unit.SECONDS, probe.cpu)


def _probe(server: Server) -> _Probe:
    command = _OURS if server.kind.key == "ours" else _STOCK
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--socket", str(socket_of(server))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=server.folder,
        env={**os.environ, "DAGSTER_HOME": str(server.home)},
    )
    limit = threading.Timer(_LIMIT_SECONDS, process.kill)
    limit.start()
    try:
        # Instead of `Popen.wait`, which does not say what the process has used.
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        limit.cancel()
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Refused(f"exit code {process.returncode}")
    return _Probe(took, usage.ru_utime + usage.ru_stime)
