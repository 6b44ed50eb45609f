"""Pauses before another try of something that keeps failing. Pure."""

from __future__ import annotations

_FIRST, _LONGEST = 0.5, 30.0
_MOST_DOUBLINGS = 10


def pause(repeats: int) -> float:
    """The pause after so many repeats: none, then half a second, doubled up to 30 seconds."""
    if repeats < 1:
        return 0.0
    return float(min(_FIRST * 2 ** min(repeats - 1, _MOST_DOUBLINGS), _LONGEST))
