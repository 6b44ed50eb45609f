"""How much memory one evaluator may take, and what is said when it wants more.

The kernel enforces it (`RLIMIT_DATA`, see getrlimit(2): since Linux 4.7 it counts private writable
mappings, touched or not), so user code gets a `MemoryError` at the line that asks for too much,
and native code that cannot handle a failed allocation ends its own process only.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from codeserver.worker.process.originals import os

_limit: int | None = None
_most = resource.RLIM_INFINITY


def limit_memory(limit: int) -> None:
    """Let this process take at most `limit` bytes on top of what it has now (Linux)."""
    global _limit, _most  # noqa: PLW0603 - facts about the process, as its resource limits are
    if sys.platform != "linux":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    _limit = limit
    _most = _data_size() + limit
    if hard != resource.RLIM_INFINITY:
        _most = min(_most, hard)
    impose()


def impose() -> None:
    """Have the limit hold, after `lift`."""
    if _limit is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_most, hard))


def lift() -> None:
    """Take the limit back for a while: saying that memory has run out takes memory."""
    if _limit is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def is_half_taken() -> bool:
    """Whether this process keeps half of what it may take, and so has less for what comes next."""
    return _limit is not None and _most - _data_size() < _limit / 2


def explanation() -> str | None:
    """What to say about memory that has run out, None when it is not for the limit."""
    if _limit is None:
        return None
    return (
        f"It needs more than the {_limit / 2**20:g} MiB of memory that --worker-memory-limit "
        "leaves to one evaluator."
    )


def resident_size() -> int:
    """Bytes of memory that this process has in use; 0 where the kernel does not tell."""
    try:
        fd = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(fd, 200).split()[1]) * resource.getpagesize()
    finally:
        os.close(fd)


def _data_size() -> int:
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == "VmData":
            return int(value.split()[0]) * 1024
    return 0
