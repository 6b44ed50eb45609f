"""Places of a long edge that are at the same height, so that the edge is straight there."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from codeserver.drawing.layout.grid import Grid


def lines(grid: Grid) -> list[int]:
    """The line of each item, named by its first item; items of one line are at the same height.

    Two consecutive places of a long edge are on one line, unless the edge crosses another one or a
    box between them: then one of the two must bend.
    """
    line = list(range(len(grid.layer)))
    place = grid.places()
    for here, there in pairwise(grid.columns):
        for pairs in _pairs(grid, here, there, place):
            for one, other in pairs:
                line[other] = line[one]
    return line


def _pairs(
    grid: Grid, here: Sequence[int], there: Sequence[int], place: Sequence[int]
) -> list[list[tuple[int, int]]]:
    """For each box, the pairs of places in two consecutive columns that are joined."""
    begin_here, begin_there = _begins(grid, here), _begins(grid, there)
    walls: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for box, begin in begin_here.items():
        if box in begin_there:
            walls[grid.boxes.parent[box]].append((begin, begin_there[box]))
    found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for item in here:
        following = [
            each
            for each in grid.right[item]
            if each in grid.bends and grid.box[each] == grid.box[item]
        ]
        if item not in grid.bends or not following:
            continue
        box, target = grid.box[item], following[0]
        if all((place[item] < one) == (place[target] < other) for one, other in walls[box]):
            found[box].append((item, target))
    return [_longest_rising(pairs, place) for pairs in found.values()]


def _begins(grid: Grid, column: Sequence[int]) -> dict[int, int]:
    """The first place of each box in a column."""
    begins: dict[int, int] = {}
    for index, item in enumerate(column):
        for box in grid.boxes.path[grid.box[item]][1:]:
            begins.setdefault(box, index)
    return begins


def _longest_rising(
    pairs: Sequence[tuple[int, int]], place: Sequence[int]
) -> list[tuple[int, int]]:
    """The largest set of pairs that do not cross; the pairs come in the order of their first."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, target) in enumerate(pairs):
        at = bisect_left(ends, place[target])
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [place[target]]
        last[at : at + 1] = [index]
    chosen = []
    index = last[-1] if last else -1
    while index >= 0:
        chosen.append(pairs[index])
        index = before[index]
    return chosen[::-1]
