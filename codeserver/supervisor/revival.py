"""How long to wait before dead code is loaded again. Pure."""

from __future__ import annotations

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_STABLE_SECONDS = 60.0


class Revival:
    """None after the first death; then pauses that double, until one has lived for a minute."""

    def __init__(self) -> None:
        self._deaths = 0

    def has_lived(self, seconds: float) -> None:
        """A process has died at this age."""
        if seconds > _STABLE_SECONDS:
            self._deaths = 0

    def next_pause(self) -> float:
        """Seconds to wait before the next try."""
        self._deaths += 1
        if self._deaths == 1:
            return 0.0
        return float(min(_FIRST_PAUSE * 2 ** min(self._deaths - 2, 10), _LONGEST_PAUSE))
