"""Waiting until servers have nothing to do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import psutil  # type: ignore[import-untyped]

from bench.servers import Server

_QUIET_SECONDS = 0.5
_LIMIT_SECONDS = 20.0
_EVERY_SECONDS = 0.1
_HEARTBEATS = 0.02
"""Seconds of CPU that count as none: stock servers send each other heartbeats."""


def rest(servers: Iterable[Server]) -> None:
    """Wait until their processes use no CPU for half a second; for 20 s at most."""
    processes_of = list(servers)
    end = time.monotonic() + _LIMIT_SECONDS
    before, since = _used(processes_of), time.monotonic()
    while since + _QUIET_SECONDS > (now := time.monotonic()) and now < end:
        time.sleep(_EVERY_SECONDS)
        used = _used(processes_of)
        is_quiet = used.keys() == before.keys()
        if not is_quiet or sum(used.values()) - sum(before.values()) > _HEARTBEATS:
            before, since = used, time.monotonic()


def _used(servers: Iterable[Server]) -> dict[int, float]:
    """Seconds of CPU by process."""
    found = {}
    for server in servers:
        for process in server.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return found
