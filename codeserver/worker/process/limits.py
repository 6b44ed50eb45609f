"""The memory limit of an evaluator, and its explanation for users.

The kernel enforces it (`RLIMIT_DATA`, see getrlimit(2): since Linux 4.7 it counts private writable
mappings, touched or not). So user code gets a `MemoryError` at the line that asks for too much, and
native code that cannot handle a failed allocation ends only its own process.
"""

from __future__ import annotations

import resource
from pathlib import Path

from codeserver.system.memory import LIMITS_GROWTH

_limit: int | None = None
_most = resource.RLIM_INFINITY


def limit_memory(limit: int) -> None:
    """Limit this process to its present memory and `limit` more bytes (Linux)."""
    global _limit, _most  # noqa: PLW0603 - facts about the process, as its resource limits are
    if not LIMITS_GROWTH:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    _limit = limit
    _most = _data_size() + limit
    if hard != resource.RLIM_INFINITY:
        _most = min(_most, hard)
    impose()


def impose() -> None:
    """Apply the limit again, after `lift`."""
    if _limit is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_most, hard))


def lift() -> None:
    """Suspend the limit: reporting that memory has run out takes memory."""
    if _limit is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def is_half_taken() -> bool:
    """Whether this process still holds half of its limit, and has less for the next request."""
    return _limit is not None and _most - _data_size() < _limit / 2


def explanation() -> str | None:
    """The explanation of a `MemoryError`; None without a limit."""
    if _limit is None:
        return None
    return (
        f"It needs more than the {_limit / 2**20:g} MiB of memory that --worker-memory-limit "
        "leaves to one evaluator."
    )


def _data_size() -> int:
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == "VmData":
            return int(value.split()[0]) * 1024
    return 0
