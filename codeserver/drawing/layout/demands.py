"""Demands on the heights: distances in the columns that must hold, and edges to keep level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from codeserver.drawing.layout.grid import Grid
from codeserver.drawing.layout.measures import BOX_HEADER, CARD_GAP, LINE_GAP
from codeserver.drawing.layout.ports import Ports

_BETWEEN_BOXES = 0.2
"""Weight of an edge between boxes; as heavy as one inside, it would tear the boxes apart."""


@dataclass(frozen=True)
class Link:
    """Two things that should be level: the beginning and the end of a line.

    The offsets are distances from the middles of the things down to the line. An important link has
    a larger weight; one that is inside has both things in the same box.
    """

    left: int
    left_offset: float
    right: int
    right_offset: float
    weight: float
    is_inside: bool


@dataclass
class Rows:
    """Least distances between things, and pairs of things that should be level.

    A thing is an item of the grid, or the upper or lower edge of a box.

    Attributes:
        count: number of things.
        tops: upper and lower edge of each box. Everything outside the box in one of its columns
            is above or below these.
        members: everything in each box, its own edges included.
        gaps: least distance between two things, the first above the second. Without cycles.
        links: pairs that should be level.
    """

    count: int
    tops: list[tuple[int, int]]
    members: list[list[int]]
    gaps: dict[tuple[int, int], float] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)

    def keep(self, above: int, below: int, gap: float) -> None:
        """Demands a least distance."""
        pair = (above, below)
        self.gaps[pair] = max(gap, self.gaps.get(pair, gap))


def demands(grid: Grid, heights: Sequence[float], ports: Ports, line: Sequence[int]) -> Rows:
    """The demands of a grid.

    `heights` are of each item, and `line` has the item that represents all on its straight line.
    """
    count = len(grid.layer)
    tops = [(count + 2 * box, count + 2 * box + 1) for box in range(len(grid.boxes) - 1)]
    rows = Rows(count + 2 * len(tops), tops, _members(grid, tops, line))
    for column in grid.columns:
        for (above, _, space), (below, more, _) in pairwise(
            _from_top(grid, column, heights, tops, line)
        ):
            rows.keep(above, below, space + more)
    rows.links.extend(dict.fromkeys(_links(grid, ports, line)))
    return rows


def _members(grid: Grid, tops: Sequence[tuple[int, int]], line: Sequence[int]) -> list[list[int]]:
    members = [list(pair) for pair in tops]
    for item, its in enumerate(line):
        if its == item:
            for box in grid.boxes.path[grid.box[item]][1:]:
                members[box - 1].append(item)
    for box, pair in enumerate(tops, start=1):
        for around in grid.boxes.path[box][1:-1]:
            members[around - 1].extend(pair)
    return members


def _links(grid: Grid, ports: Ports, line: Sequence[int]) -> Iterator[Link]:
    for edge, route in enumerate(grid.routes):
        for here, there in pairwise(route or ()):
            if line[here] == line[there]:
                continue
            inside = grid.box[here] == grid.box[there]
            bends = (here in grid.bends) + (there in grid.bends)
            yield Link(
                left=line[here],
                left_offset=0.0 if here in grid.bends else ports.out_of[edge],
                right=line[there],
                right_offset=0.0 if there in grid.bends else ports.into[edge],
                weight=(1.0, 2.0, 4.0)[bends] * (1.0 if inside else _BETWEEN_BOXES),
                is_inside=inside,
            )


def _from_top(
    grid: Grid,
    column: Sequence[int],
    heights: Sequence[float],
    tops: Sequence[tuple[int, int]],
    line: Sequence[int],
) -> list[tuple[int, float, float]]:
    """The edges of boxes and the items of a column from top to bottom.

    Each comes with the space that it needs above and below. Two neighbours keep the sum of the
    space below the first and the space above the second.
    """
    found: list[tuple[int, float, float]] = []
    opened: list[int] = []
    for item in (*column, None):
        path = grid.boxes.path[grid.box[item]][1:] if item is not None else ()
        while opened and tuple(opened) != path[: len(opened)]:
            found.append((tops[opened.pop() - 1][1], 0.0, CARD_GAP / 2))
        for box in path[len(opened) :]:
            opened.append(box)
            found.append((tops[box - 1][0], CARD_GAP / 2, BOX_HEADER - CARD_GAP / 2))
        if item is not None:
            gap = CARD_GAP if item < grid.nodes else LINE_GAP
            space = heights[item] / 2 + gap / 2
            found.append((line[item], space, space))
    return found
