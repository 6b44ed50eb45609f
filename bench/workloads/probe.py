"""Health probes: time and CPU of the command."""

from __future__ import annotations

from bench.measurement import Measurement
from bench.resources import rest, run
from bench.results import Unit
from bench.servers import OURS
from bench.subjects import EXAMPLE

SUBJECTS = (EXAMPLE,)

_OURS = ("codeserver", "health")
_STOCK = ("dagster", "api", "grpc-health-check")


def measure(it: Measurement) -> None:
    """The health probe of a running server, from the start of the command to its end.

    The command is `codeserver health` for `codeserver grpc`, and `dagster api grpc-health-check`
    for the two others. The same Python runs both as `python -m`. CPU is the user and system time of
    the command's process, as the kernel reports it at the end. It does not include the CPU of the
    server. All servers run side by side, come to rest, and are probed in turns. The median is of 9
    probes, after one that does not count. Only probes that find the server healthy count.
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
