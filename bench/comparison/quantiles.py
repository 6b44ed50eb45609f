"""How long calls took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def timed(call: Callable[[], object]) -> float:
    """Seconds that the call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def quantile(values: Sequence[float], share: float) -> float:
    """The value that such a share of all of them does not exceed; the largest of only a few."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
