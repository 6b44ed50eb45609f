"""How long to wait with a load when files change in every one. Pure."""

from __future__ import annotations

_PATIENCE = 10
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0


class Restraint:
    """Keeps code that changes its own files when it is loaded from being loaded without a pause.

    Somebody who types makes files change while they are loaded, too. So nothing is left out; after
    a number of loads in a row, there are pauses.
    """

    def __init__(self) -> None:
        self._in_a_row = 0

    def load_was_clean(self) -> None:
        """A load has ended, and nothing had changed meanwhile."""
        self._in_a_row = 0

    def pause_after_change_while_loading(self) -> float:
        """Seconds to wait before the next load, now that something has changed during one."""
        self._in_a_row += 1
        exponent = self._in_a_row - _PATIENCE
        if exponent < 0:
            return 0.0
        return float(min(_FIRST_PAUSE * 2 ** min(exponent, 10), _LONGEST_PAUSE))
