"""Health probes: what the command takes that containers run every few seconds."""

from __future__ import annotations

from bench.figures import Unit
from bench.measurement import Measurement
from bench.resources import rest, run
from bench.servers import OURS
from bench.subjects import EXAMPLE

SUBJECTS = (EXAMPLE,)

_OURS = ("codeserver", "health")
_STOCK = ("dagster", "api", "grpc-health-check")


def measure(it: Measurement) -> None:
    """The health probe of a running server, from the start of the command to its end.

    For `codeserver grpc` that is `codeserver health`, for the two others
    `dagster api grpc-health-check`, both run by the same Python as `python -m`. CPU is user and
    system time of the command's process, as the kernel reports it at its end; that of the server is
    not in it. All servers run side by side and are probed in turns, after all have come to rest;
    the median is of 9 probes, after one that is not counted. A probe that does not say that the
    server is healthy does not count.
    """
    with it.serving() as servers:
        for number in range(it.times(10, quick=2)):
            for server in servers:
                rest(servers)
                with it.tolerated(server, "a health probe"):
                    command = _OURS if server.key == OURS.key else _STOCK
                    arguments = ["-m", *command, "--socket", str(server.socket)]
                    took, cpu = run(arguments, server.folder, server.home)
                    if number:
                        it.add("time of a health probe", server.key, Unit.SECONDS, took)
                        it.add("CPU of a health probe", server.key, Unit.SECONDS, cpu)
