"""The process that has the user's code is killed, as by the kernel when memory is short."""

from __future__ import annotations

import time
from dataclasses import asdict

from bench.faults.recovery import recover
from bench.faults.results import Result
from bench.faults.server import Server
from bench.processes import is_alive

_LIMIT = 60.0


def measure(server: Server) -> Result:
    """SIGKILL for the process that has the user's code.

    That is the host of codeserver, the child of `dagster code-server start`, and the whole server
    for `dagster api grpc`. When it is gone, the healthy sensor is ticked until that works, for at
    most 60 s; meanwhile, and for at least 3 s, GetServerId is called 20 times and the health check
    4 times a second, and both once a second after the first 10 s.
    """
    victim = server.code_process

    def kill() -> str:
        victim.kill()
        while is_alive(victim):
            time.sleep(0.001)
        return "killed"

    seen = recover(server, kill, _LIMIT)
    return Result(
        summary=f"{seen.summary}; health {_health(seen.health)}",
        details={
            "the server": seen.server,
            "next tick": seen.next_tick,
            "GetServerId meanwhile": str(seen.ids),
            "health check meanwhile": seen.said_health,
        },
        numbers={**asdict(seen), "health": dict(seen.health)},
    )


def _health(said: dict[str, int]) -> str:
    short = {"unreachable" if text.startswith("UNAVAILABLE") else text for text in said}
    return ", then ".join(sorted(short))
