"""CPU and memory of servers and their descendants, and a wait until they are idle."""

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
"""Fields of `/proc/PID/stat` after the name: user and system time, own and of reaped children."""

_COMMAND_SECONDS = 120.0

_KILO = 1024
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S{4} ([0-9a-f]+) (\S+) (\d+)")
"""The first line of a mapping, with its offset, device and inode; the inode is 0 without a file."""

_QUIET_SECONDS = 0.5
_REST_SECONDS = 20.0
_EVERY_SECONDS = 0.1
_HEARTBEATS = 0.02
"""CPU seconds that count as idle: stock servers send each other heartbeats."""


def cpu_of(server: Server) -> float:
    """CPU seconds of a server since its start, user and system.

    The sum covers its process, the living descendants, and the children that each of them has
    reaped. The kernel counts in steps of 10 ms per process, so measure the difference over many
    calls.
    """
    return sum(_cpu_by_process([server]).values())


def rest(servers: Iterable[Server], most: float = _REST_SECONDS) -> None:
    """Wait until the servers use no CPU for half a second, for `most` seconds at most."""
    waited_for = list(servers)
    end = time.monotonic() + most
    before, since = _cpu_by_process(waited_for), time.monotonic()
    while since + _QUIET_SECONDS > (now := time.monotonic()) and now < end:
        time.sleep(_EVERY_SECONDS)
        used = _cpu_by_process(waited_for)
        is_quiet = used.keys() == before.keys()
        if not is_quiet or sum(used.values()) - sum(before.values()) > _HEARTBEATS:
            before, since = used, time.monotonic()


def _cpu_by_process(servers: Iterable[Server]) -> dict[int, float]:
    """CPU seconds of the processes of servers, each with the children that it has reaped."""
    children: dict[int, list[int]] = defaultdict(list)
    seconds: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        # The process may end at any time.
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            each = int(folder.name)
            children[int(fields[_PARENT])].append(each)
            seconds[each] = sum(map(int, fields[_TIMES])) / _TICK
    found, left = {}, [server.process.pid for server in servers]
    while left:
        each = left.pop()
        if each in seconds:
            found[each] = seconds[each]
        left += children[each]
    return found


def run(
    arguments: Sequence[str], folder: Path, home: Path, variables: dict[str, str] | None = None
) -> tuple[float, float]:
    """Run Python in a folder to its end; returns the elapsed seconds and its CPU seconds.

    Raises:
        Refused: the process failed, or did not end within two minutes.
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
        # `Popen.wait` would discard the resource usage of the process.
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        limit.cancel()
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Refused(f"{' '.join(arguments[:4])} has ended with {process.returncode}")
    return took, usage.ru_utime + usage.ru_stime


def memory_of(processes: Iterable[psutil.Process]) -> int:
    """The memory of these processes together, in bytes.

    This is their PSS, except for the pages of files, such as libraries. PSS divides those among all
    processes of the machine that map them, so a server would seem smaller beside other servers.
    Here each such page counts once, in full.
    """
    own = 0
    files: dict[tuple[str, ...], int] = {}
    for process in processes:
        with contextlib.suppress(OSError):  # the process may end at any time
            folder = Path(f"/proc/{process.pid}")
            rollup = (folder / "smaps_rollup").read_text().splitlines()
            # Anonymous memory, divided among the processes that share it by fork.
            own += sum(_size(line) for line in rollup if line.startswith("Pss_Anon:"))
            for place, size in _files((folder / "smaps").read_text()):
                files[place] = max(files.get(place, 0), size)
    return (own + sum(files.values())) * _KILO


def _files(smaps: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """The resident kilobytes of each mapped part of a file."""
    place: tuple[str, ...] = ()
    resident = 0
    for line in smaps.splitlines():
        if header := _MAPPING.match(line):
            place = header.groups()
        elif line.startswith("Rss:"):
            resident = _size(line)
        elif line.startswith("Anonymous:") and place[-1] != "0":
            yield place, resident - _size(line)  # without the pages that the process has changed


def _size(line: str) -> int:
    return int(line.split()[1])
