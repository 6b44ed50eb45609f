"""Which cores the servers have, and which the load generator."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_CORES = sorted(os.sched_getaffinity(0))
GENERATOR = _CORES[-1] if len(_CORES) > 1 else None
"""The core of the load generator; None when there is one core for all."""


def confine(pids: Iterable[int]) -> None:
    """Leave these processes, with all their threads, the cores that the generator has not.

    What they start later inherits that.
    """
    if GENERATOR is None:
        return
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(thread.name), _CORES[:-1])
