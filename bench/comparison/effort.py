"""How much is done: as much as figures need, or only enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much is done.

    Attributes:
        quick: only enough to see that it works.
    """

    quick: bool = False

    def times(self, full: int, quick: int = 1) -> int:
        """How often something is done."""
        return quick if self.quick else full
