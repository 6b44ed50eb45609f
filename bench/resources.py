"""CPU and memory of servers, with all that they have started, and waiting until they rest."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.client import Refused
from bench.servers import Server, environment

_TICK = os.sysconf("SC_CLK_TCK")
_PARENT = 1
_TIMES = slice(11, 15)
"""Fields of `/proc/PID/stat` behind the name: user, system, and both of reaped children."""

_COMMAND_SECONDS = 120.0

_KILO = 1024
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S{4} ([0-9a-f]+) (\S+) (\d+)")
"""The first line of a mapping: where in which file it begins."""

_QUIET_SECONDS = 0.5
_REST_SECONDS = 20.0
_EVERY_SECONDS = 0.1
_HEARTBEATS = 0.02
"""Seconds of CPU that count as none: stock servers send each other heartbeats."""

_Place = tuple[str, ...]
"""Offset, device and inode of what is mapped; the inode is 0 when that is no file."""


def cpu_of(server: Server) -> float:
    """Seconds of CPU that a server has used since it was started, user and system.

    That is of its process, of every process that descends from it and exists, and of the children
    that each of those has reaped. The kernel counts in steps of 10 ms a process, so only the
    difference over many calls says something about one of them.
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
    total, left = 0, [server.process.pid]
    while left:
        each = left.pop()
        total += ticks.get(each, 0)
        left += children[each]
    return total / _TICK


def run(
    arguments: Sequence[str], folder: Path, home: Path, variables: dict[str, str] | None = None
) -> tuple[float, float]:
    """Run Python with these arguments; the seconds until it has ended, and its seconds of CPU.

    Args:
        arguments: of Python.
        folder: where it runs.
        home: its DAGSTER_HOME.
        variables: more of them.

    Raises:
        Refused: it has failed, or not ended in two minutes.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={**environment(home), **(variables or {})},
    )
    limit = threading.Timer(_COMMAND_SECONDS, process.kill)
    limit.start()
    try:
        # Instead of `Popen.wait`, which does not say what the process has used.
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        limit.cancel()
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Refused(f"{' '.join(arguments[:4])} has ended with {process.returncode}")
    return took, usage.ru_utime + usage.ru_stime


def rest(servers: Iterable[Server]) -> None:
    """Wait until their processes use no CPU for half a second; for 20 s at most."""
    waited_for = list(servers)
    end = time.monotonic() + _REST_SECONDS
    before, since = _cpu_by_process(waited_for), time.monotonic()
    while since + _QUIET_SECONDS > (now := time.monotonic()) and now < end:
        time.sleep(_EVERY_SECONDS)
        used = _cpu_by_process(waited_for)
        is_quiet = used.keys() == before.keys()
        if not is_quiet or sum(used.values()) - sum(before.values()) > _HEARTBEATS:
            before, since = used, time.monotonic()


def _cpu_by_process(servers: Iterable[Server]) -> dict[int, float]:
    found = {}
    for server in servers:
        for process in server.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return found


def memory_of(processes: Iterable[psutil.Process]) -> int:
    """Bytes that these take together.

    It is their PSS, but for pages of files, such as libraries. PSS divides those among all
    processes of the machine that have them, so that a server would seem smaller the more other
    servers there are. Here they count once, wholly, whoever else has them.
    """
    own = 0
    files: dict[_Place, int] = {}
    for process in processes:
        with contextlib.suppress(OSError):  # it may end at any time
            folder = Path(f"/proc/{process.pid}")
            own += _own((folder / "smaps_rollup").read_text())
            for place, size in _files((folder / "smaps").read_text()):
                files[place] = max(files.get(place, 0), size)
    return (own + sum(files.values())) * _KILO


def _own(rollup: str) -> int:
    """Kilobytes that are of no file, divided among those that share them by fork."""
    return sum(_size(line) for line in rollup.splitlines() if line.startswith("Pss_Anon:"))


def _files(smaps: str) -> Iterator[tuple[_Place, int]]:
    """Kilobytes of files that are in memory, by what is mapped."""
    place: _Place = ()
    resident = 0
    for line in smaps.splitlines():
        if header := _MAPPING.match(line):
            place = header.groups()
        elif line.startswith("Rss:"):
            resident = _size(line)
        elif line.startswith("Anonymous:") and place[-1] != "0":
            yield place, resident - _size(line)  # without what the process has changed


def _size(line: str) -> int:
    return int(line.split()[1])
