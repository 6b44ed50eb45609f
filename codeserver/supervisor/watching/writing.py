"""How long it is worth waiting for somebody who is writing files. Pure."""

from __future__ import annotations

_QUIET = 1.0
_LONGEST = 10.0


class Writing:
    """Somebody may be writing: a file that is gone or empty may get its content soon.

    A checkout of many files takes a while on a busy machine; as long as files go on to change, it
    is under way.

    Args:
        now: seconds on a monotonic clock, as everywhere here.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._changed = now

    def has_changed(self, now: float) -> None:
        """Something has changed until now."""
        self._changed = now

    def may_go_on(self, now: float) -> bool:
        """Whether to wait on."""
        return now < min(self._changed + _QUIET, self._began + _LONGEST)
