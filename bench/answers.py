"""How many of a number of calls were answered, and how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.calls import Attempt


@dataclass(frozen=True)
class Answers:
    """What became of a number of calls.

    Attributes:
        asked: the number of calls.
        answered: how many were answered, without an error and within their deadline.
        p50: median of the answered ones, in milliseconds; None when there is none.
        p99: likewise, the 99th percentile.
        most: likewise, the largest.
    """

    asked: int
    answered: int
    p50: float | None
    p99: float | None
    most: float | None

    @classmethod
    def of(cls, attempts: Iterable[Attempt]) -> Answers:
        """Of these calls."""
        all_of_them = list(attempts)
        times = sorted(each.seconds * 1000 for each in all_of_them if each.error is None)
        return cls(
            len(all_of_them),
            len(times),
            _percentile(times, 0.5),
            _percentile(times, 0.99),
            times[-1] if times else None,
        )

    def __str__(self) -> str:
        return f"answered {self.answered} of {self.asked}{self.times}"

    @property
    def times(self) -> str:
        """How long the answered ones took, to be appended to how many there are."""
        if self.p50 is None or self.p99 is None or self.most is None:
            return ""
        return f", p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms, max {self.most:.0f} ms"

    @property
    def short(self) -> str:
        """For a small cell."""
        if self.answered == 0:
            return f"unreachable: 0 of {self.asked} answered"
        return f"answered {self.answered} of {self.asked}, p99 {self.p99:.0f} ms"


def _percentile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
