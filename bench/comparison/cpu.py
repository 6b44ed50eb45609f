"""How much CPU a server has used, with all that it has started."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from pathlib import Path

from bench.servers import Server

_TICK = os.sysconf("SC_CLK_TCK")
_PARENT = 1
_TIMES = slice(11, 15)
"""Fields of `/proc/PID/stat` behind the name: user, system, and both of reaped children."""


def used(server: Server) -> float:
    """Seconds of CPU that a server has used since it was started; see `used_by`."""
    return used_by(server.process.pid)


def used_by(pid: int) -> float:
    """Seconds of CPU that a process has used since it was started, user and system, and all below.

    That is of it, of every process that descends from it and exists, and of the children that each
    of those has reaped. The kernel counts in steps of 10 ms a process, so only the difference over
    many calls says something about one of them.
    """
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        # It may end at any time.
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            each = int(folder.name)
            children[int(fields[_PARENT])].append(each)
            ticks[each] = sum(map(int, fields[_TIMES]))
    total, left = 0, [pid]
    while left:
        each = left.pop()
        total += ticks.get(each, 0)
        left += children[each]
    return total / _TICK
