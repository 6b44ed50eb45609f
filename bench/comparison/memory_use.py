"""How much memory a server takes, as if nothing else were running."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_KILO = 1024
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S{4} ([0-9a-f]+) (\S+) (\d+)")
"""The first line of a mapping: where in which file it begins."""

_Place = tuple[str, ...]
"""Offset, device and inode of what is mapped; the inode is 0 when that is no file."""


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
