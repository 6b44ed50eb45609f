"""The order of the items in each column, so that few edges cross and every box is in one piece."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import fsum

from codeserver.drawing.layout.grid import Grid

_MOST_SWEEPS = 24
_PATIENCE = 5
"""Sweeps without success after which the search ends."""


def arrange(grid: Grid, priority: Sequence[int]) -> None:
    """Order the columns in place. At first, nodes are placed in the order of their priority.

    Boxes with the same parent are in the same order in all columns, so that they never overlap.
    """
    key = [float(each) for each in _depth_first(grid, priority)]
    rank = _ranks(grid, key)
    for column in grid.columns:
        _sort(grid, column, key, rank)
    best, fewest = [list(column) for column in grid.columns], crossings(grid)
    patience = _PATIENCE
    for sweep in range(_MOST_SWEEPS):
        if not fewest or not patience:
            break
        _sweep(grid, to_right=sweep % 2 == 0)
        _swap(grid)
        found = crossings(grid)
        patience -= 1
        if found < fewest:
            best, fewest, patience = [list(column) for column in grid.columns], found, _PATIENCE
    grid.columns[:] = best


def crossings(grid: Grid) -> int:
    """The number of pairs of edges that cross."""
    place = grid.places()
    number = 0
    for column in grid.columns:
        ends: list[int] = []
        for item in column:
            targets = [place[each] for each in grid.right[item]]
            number += sum(len(ends) - bisect_right(ends, target) for target in targets)
            for target in targets:
                insort(ends, target)
    return number


def _depth_first(grid: Grid, priority: Sequence[int]) -> list[int]:
    """Position of each item in depth-first order, which keeps connected items together."""
    met = [-1] * len(grid.layer)
    number = 0
    for start in (*priority, *range(grid.nodes, len(grid.layer))):
        if met[start] >= 0 or (start < grid.nodes and grid.left[start]):
            continue
        waiting = [start]
        while waiting:
            item = waiting.pop()
            if met[item] < 0:
                met[item] = number
                number += 1
                waiting.extend(reversed(grid.right[item]))
    return met


def _ranks(grid: Grid, key: Sequence[float]) -> list[int]:
    """Position of each box among all boxes; only the order of siblings matters."""
    total, count = [0.0] * len(grid.boxes), [0] * len(grid.boxes)
    for item, box in enumerate(grid.box):
        for each in grid.boxes.path[box]:
            total[each] += key[item]
            count[each] += 1
    mean = [total[box] / max(1, count[box]) for box in range(len(grid.boxes))]
    rank = [0] * len(grid.boxes)
    for place, box in enumerate(sorted(range(len(grid.boxes)), key=lambda box: (mean[box], box))):
        rank[box] = place
    return rank


def _sweep(grid: Grid, *, to_right: bool) -> None:
    """Move each item to the mean of its neighbours in the column before, column by column."""
    key = [0.0] * len(grid.layer)
    for column in grid.columns:
        _centre(column, key)
    rank = _ranks(grid, key)
    sides = grid.left if to_right else grid.right
    for column in grid.columns if to_right else reversed(grid.columns):
        wanted = key.copy()
        for item in column:
            near = sides[item]
            if near:
                wanted[item] = sum(key[each] for each in near) / len(near)
        _sort(grid, column, wanted, rank)
        _centre(column, key)


def _centre(column: Sequence[int], key: list[float]) -> None:
    middle = (len(column) - 1) / 2
    for index, item in enumerate(column):
        key[item] = index - middle


def _sort(grid: Grid, column: list[int], key: Sequence[float], rank: Sequence[int]) -> None:
    """Sort a column by key, with each box in one piece and siblings in the order of their ranks.

    Nodes without edges come last in their box.
    """
    if len(grid.boxes) == 1:
        column.sort(key=lambda item: (grid.is_loose(item), key[item]))
        return
    members: defaultdict[int, list[float]] = defaultdict(list)
    for item in sorted(column, key=grid.is_loose):
        for box in grid.boxes.path[grid.box[item]][1:]:
            if not grid.is_loose(item) or box not in members:
                members[box].append(key[item])
    siblings: defaultdict[int, list[int]] = defaultdict(list)
    for box in members:
        siblings[grid.boxes.parent[box]].append(box)
    of_box: dict[int, tuple[bool, float, int]] = {}
    for boxes in siblings.values():
        boxes.sort(key=rank.__getitem__)
        means = [(fsum(members[box]) / len(members[box]), len(members[box])) for box in boxes]
        for place, (box, mean) in enumerate(zip(boxes, _rising(means), strict=True)):
            of_box[box] = (False, mean, place)
    ways = {
        box: tuple(of_box[each] for each in grid.boxes.path[box][1:])
        for box in {grid.box[item] for item in column}
    }
    column.sort(key=lambda item: (*ways[grid.box[item]], (grid.is_loose(item), key[item], -1)))


def _rising(means: Sequence[tuple[float, int]]) -> Iterator[float]:
    """The nearest values that never decrease (isotonic regression); pairs of mean and weight."""
    pools: list[tuple[float, int, int]] = []
    for mean, weight in means:
        pools.append((mean, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, its, some), (other, weight_of_other, more) = pools[-2:]
            both = its + weight_of_other
            pools[-2:] = [((one * its + other * weight_of_other) / both, both, some + more)]
    for mean, _, count in pools:
        yield from [mean] * count


def _swap(grid: Grid) -> None:
    """Swap neighbours in the same box if that saves crossings."""
    place = grid.places()
    for column in grid.columns:
        for index in range(len(column) - 1):
            upper, lower = column[index], column[index + 1]
            if grid.box[upper] != grid.box[lower]:
                continue
            now = then = 0
            for sides in (grid.left, grid.right):
                above = sorted(place[each] for each in sides[upper])
                below = sorted(place[each] for each in sides[lower])
                now += sum(len(above) - bisect_right(above, each) for each in below)
                then += sum(len(below) - bisect_right(below, each) for each in above)
            if then < now:
                column[index : index + 2] = [lower, upper]
                place[upper], place[lower] = index + 1, index
