"""The comparison of a run's figures with the aims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.aims import AIMS, Aim
from bench.figures import Figure
from bench.results import Results, advantage, better


@dataclass(frozen=True)
class Check:
    """An aim applied to one figure at one location.

    Attributes:
        ours: the figure that must reach the aim.
        other: the figure to compare with; None if the aim is a number.
        margin: 1 if the aim is just reached, more if it is surpassed.
    """

    ours: Figure
    other: Figure | None
    margin: float

    @property
    def times(self) -> float | None:
        """The factor by which ours is better; None if the aim is a number."""
        return None if self.other is None else advantage(self.ours, self.other)


@dataclass(frozen=True)
class Outcome:
    """The outcome of an aim.

    Attributes:
        aim: the aim.
        checks: one check for each figure and location that was measured.
        missing: the figures and locations that were not measured, in words.
    """

    aim: Aim
    checks: Sequence[Check]
    missing: Sequence[str]

    @property
    def closest(self) -> Check | None:
        """The check with the smallest margin, which decides; None if nothing was measured."""
        return min(self.checks, key=lambda each: each.margin, default=None)

    @property
    def reached(self) -> bool | None:
        """True if the aim is reached, False if not, None if missing figures leave it open."""
        if self.closest is not None and self.closest.margin < 1:
            return False
        return None if self.missing or not self.checks else True


def outcomes(results: Results, aims: Sequence[Aim] | None = None) -> list[Outcome]:
    """The outcome of every aim, without the optional ones that were not measured."""
    found = [_outcome(aim, results) for aim in (AIMS if aims is None else aims)]
    return [each for each in found if each.checks or not each.aim.optional]


def _outcome(aim: Aim, results: Results) -> Outcome:
    checks, missing = [], []
    for name in aim.names:
        for place in aim.places:
            check = _check(aim, results, name, place)
            if check is None:
                missing.append(f"{name} ({place})")
            else:
                checks.append(check)
    return Outcome(aim, checks, missing)


def _check(aim: Aim, results: Results, name: str, place: str) -> Check | None:
    ours = results.figure(name, place, aim.ours)
    if ours is None:
        return None
    if aim.most is not None:
        return Check(ours, None, math.inf if ours.value <= 0 else aim.most / ours.value)
    found = [results.figure(name, place, server) for server in aim.against]
    other = better([each for each in found if each])
    times = None if other is None else advantage(ours, other)
    return None if times is None else Check(ours, other, times / aim.times)
