"""What the heights of things must be and should be: distances to keep, and what is level."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Link:
    """Two things that should be level.

    Attributes:
        left: one of them.
        left_offset: how far below the middle of it the line begins.
        right: the other one, further to the right.
        right_offset: how far below the middle of it the line ends.
        weight: how much it matters.
        is_inside: whether both are in the same box.
    """

    left: int
    left_offset: float
    right: int
    right_offset: float
    weight: float
    is_inside: bool


@dataclass
class Rows:
    """What must be below what, by how much, and what should be level.

    Attributes:
        count: how many things there are.
        tops: of each box, its upper and lower edge: things that only enclose. Whatever is beside
            what is in the box is above or below these.
        members: of each box, everything in it, with its own edges.
        gaps: least distance between two things, the first above the second. Without cycles.
        links: what should be level.
    """

    count: int
    tops: list[tuple[int, int]]
    members: list[list[int]]
    gaps: dict[tuple[int, int], float] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)

    def keep(self, above: int, below: int, gap: float) -> None:
        """Demands a distance."""
        pair = (above, below)
        self.gaps[pair] = max(gap, self.gaps.get(pair, gap))
