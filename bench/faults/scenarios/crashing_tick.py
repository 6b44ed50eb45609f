"""A tick that ends the process it runs in."""

from __future__ import annotations

from dataclasses import asdict

from bench.faults.recovery import recover
from bench.faults.results import Result
from bench.faults.server import Server
from bench.wording import seconds, shorten

_TICK_SECONDS = 20
_LIMIT = 40.0


def measure_segfault(server: Server) -> Result:
    """One tick that reads the memory at address 0.

    Then the healthy sensor is ticked until that works, for at most 40 s, beginning at once; the
    seconds are those from the failure of the first tick to the answer of the first that works.
    Meanwhile, and for at least 3 s, GetServerId is called 20 times a second, and once a second
    after the first 10 s.
    """
    return _measure(server, "segfaults")


def measure_exit(server: Server) -> Result:
    """One tick that calls `os._exit(1)`; the rest is as for the segfault."""
    return _measure(server, "exits")


def _measure(server: Server, sensor: str) -> Result:
    seen = recover(server, lambda: server.calls.tick(sensor, seconds=_TICK_SECONDS), _LIMIT)
    return Result(
        summary=seen.summary,
        details={
            "its caller gets": shorten(str(seen.fault)),
            "after": seconds(seen.fault.seconds),
            "the server": seen.server,
            "next tick": seen.next_tick,
            "GetServerId": str(seen.ids),
            "health check": seen.said_health,
        },
        numbers={**asdict(seen), "health": dict(seen.health)},
    )
