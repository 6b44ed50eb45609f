"""Waiting for something outside this process to become true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 240
"""Seconds after which something that a test waits for counts as something that never happens.

All tests have this one patience. Only one that fails takes it, however busy the machine is.
"""


def eventually(probe: Callable[[], T], *, every: float = 0.05, what: str = "") -> T:
    """Call `probe` until it returns something true; return that.

    `every` is the pause between two calls in seconds, longer for a probe that costs much.
    Raises AssertionError with the last value or exception when patience ends.
    """
    deadline = time.monotonic() + PATIENCE
    last: object = None
    while time.monotonic() < deadline:
        try:
            value = probe()
        except Exception as error:
            last = error
        else:
            if value:
                return value
            last = value
        time.sleep(every)
    raise AssertionError(f"not within {PATIENCE} s: {what or probe}; last: {last!r}")
