"""Ticks that take much memory."""

from __future__ import annotations

import time
from dataclasses import asdict

from bench.calls import attempt
from bench.faults.results import Result
from bench.faults.server import Server
from bench.wording import megabytes, seconds, shorten

_TICK_SECONDS = 60
_PAUSE = 5.0


def measure_released(server: Server) -> Result:
    """One tick that makes 1.5 million byte strings of 1 kB and returns, which frees them.

    The memory of all processes of the server, 5 s after the tick has answered, less that before
    it. PSS divides what processes share among them, RSS counts it for each.
    """
    return _measure(server, "hogs")


def measure_leaked(server: Server) -> Result:
    """One tick that makes the same and keeps it in a variable of its module.

    The numbers are made as for the tick that frees them.
    """
    return _measure(server, "leaks")


def _measure(server: Server, sensor: str) -> Result:
    before = server.usage
    tick = attempt(lambda: server.calls.tick(sensor, seconds=_TICK_SECONDS))
    time.sleep(_PAUSE)
    after = server.usage
    healthy = attempt(lambda: server.calls.tick("healthy"))
    works = "works" if healthy.error is None else f"fails: {shorten(healthy.error)}"
    return Result(
        summary=f"memory {_signed(after.pss - before.pss)} 5 s later"
        + ("" if healthy.error is None else "; next tick fails"),
        details={
            "the tick": shorten(f"{tick}, after {seconds(tick.seconds)}"),
            "PSS before": megabytes(before.pss),
            "PSS 5 s after": f"{megabytes(after.pss)} ({_signed(after.pss - before.pss)})",
            "RSS 5 s after": f"{megabytes(after.rss)} ({_signed(after.rss - before.rss)})",
            "next tick": works,
        },
        numbers={
            "tick_seconds": tick.seconds,
            "tick_error": tick.error,
            "before": asdict(before),
            "after": asdict(after),
            "next_tick_error": healthy.error,
        },
    )


def _signed(size: int) -> str:
    return f"{size / 1e6:+.0f} MB"
