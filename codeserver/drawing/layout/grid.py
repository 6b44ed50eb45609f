"""The columns of a picture: nodes, and places between them for long edges and boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Bundle = tuple[int, str, str]
"""Source, output and style; edges with the same bundle share their way."""

ROOT = 0
"""The whole picture, as a box."""


class Boxes:
    """Boxes by number. The number of a box is higher than that of the box around it.

    Attributes:
        parent: the box around each box; the root is around itself.
        path: the boxes from the root to each box, itself included.
    """

    def __init__(self, parents: Sequence[int]) -> None:
        """Takes the box around each box, from number 1; the root is number 0."""
        self.parent = [ROOT, *parents]
        self.path: list[tuple[int, ...]] = [(ROOT,)]
        for box, parent in enumerate(parents, start=1):
            self.path.append((*self.path[parent], box))

    def __len__(self) -> int:
        """The number of boxes, the root included."""
        return len(self.parent)

    def common(self, one: int, other: int) -> int:
        """The innermost box around both."""
        found = ROOT
        for here, there in zip(self.path[one], self.path[other], strict=False):
            if here != there:
                break
            found = here
        return found

    def child(self, box: int, inside: int) -> int | None:
        """The box directly in `box` that is or contains `inside`; None if `inside` is `box`."""
        path, depth = self.path[inside], len(self.path[box])
        return path[depth] if len(path) > depth else None


@dataclass
class Grid:
    """Items in columns. The first items are the nodes, with the same numbers.

    Attributes:
        boxes: the tree of boxes.
        box: the innermost box of each item.
        layer: the column of each item.
        columns: the items of each column, from top to bottom.
        left: for each item, the items in the column before it that have an edge to it.
        right: for each item, the items in the column after it that it has an edge to.
        routes: for each edge, the items from its source to its target; None for an edge that
            goes backwards or within a column.
        nodes: number of items that are nodes.
        bends: the items that long edges pass through.
    """

    boxes: Boxes
    box: list[int]
    layer: list[int]
    columns: list[list[int]]
    left: list[list[int]] = field(default_factory=list)
    right: list[list[int]] = field(default_factory=list)
    routes: list[list[int] | None] = field(default_factory=list)
    nodes: int = 0
    bends: set[int] = field(default_factory=set)

    def add(self, layer: int, box: int) -> int:
        """Add an item at the lower end of a column, and return its number."""
        item = len(self.layer)
        self.layer.append(layer)
        self.box.append(box)
        self.left.append([])
        self.right.append([])
        self.columns[layer].append(item)
        return item

    def connect(self, here: int, there: int) -> None:
        """Add an edge from an item to one in the next column."""
        if there not in self.right[here]:
            self.right[here].append(there)
            self.left[there].append(here)

    def places(self) -> list[int]:
        """The place of each item in its column, from the top."""
        place = [0] * len(self.layer)
        for column in self.columns:
            for index, item in enumerate(column):
                place[item] = index
        return place

    def is_loose(self, item: int) -> bool:
        """Whether it is a node without edges to other columns."""
        return item < self.nodes and not self.left[item] and not self.right[item]


def build(
    boxes: Boxes, box: Sequence[int], layer: Sequence[int], edges: Sequence[tuple[Bundle, int]]
) -> Grid:
    """The columns; the order in each of them is not decided yet."""
    grid = Grid(boxes, [], [], [[] for _ in range(max(layer, default=-1) + 1)])
    grid.nodes = len(layer)
    for node, its_layer in enumerate(layer):
        grid.add(its_layer, box[node])
    passages = _Passages(boxes, box, layer)
    ways: dict[tuple[Bundle, int, int], int] = {}
    for bundle, target in edges:
        source = bundle[0]
        if layer[target] <= layer[source]:
            grid.routes.append(None)
            continue
        route = [source]
        for between in range(layer[source] + 1, layer[target]):
            its_box = passages.box_at(between, source, target)
            key = (bundle, route[-1], its_box)
            if key not in ways:
                ways[key] = grid.add(between, its_box)
                grid.bends.add(ways[key])
            route.append(ways[key])
        route.append(target)
        for here, there in pairwise(route):
            grid.connect(here, there)
        grid.routes.append(route)
    _keep_free(grid)
    return grid


def columns_of(
    boxes: Boxes, box: Sequence[int], layer: Sequence[int]
) -> defaultdict[int, set[int]]:
    """The columns of each box that have an item in it."""
    used: defaultdict[int, set[int]] = defaultdict(set)
    for item, inner in enumerate(box):
        for each in boxes.path[inner]:
            used[each].add(layer[item])
    return used


class _Passages:
    """The box in which an edge passes a column.

    An edge leaves a box at its right side and enters one at its left side. So in a column of the
    box of its source or its target, it passes inside that box.
    """

    def __init__(self, boxes: Boxes, box: Sequence[int], layer: Sequence[int]) -> None:
        self._boxes, self._box, self._layer = boxes, box, layer
        columns = columns_of(boxes, box, layer)
        self._span = {each: (min(its), max(its)) for each, its in columns.items()}

    def box_at(self, column: int, source: int, target: int) -> int:
        common = self._boxes.common(self._box[source], self._box[target])
        leaving = self._innermost(column, source, common)
        entering = self._innermost(column, target, common)
        if leaving == common:
            return entering
        nearer = column - self._layer[source] <= self._layer[target] - column
        return leaving if entering == common or nearer else entering

    def _innermost(self, column: int, end: int, common: int) -> int:
        for box in reversed(self._boxes.path[self._box[end]]):
            first, last = self._span[box]
            if box == common or first <= column <= last:
                return box
        return common


def _keep_free(grid: Grid) -> None:
    """Give every box an item in each column from its first to its last."""
    used = columns_of(grid.boxes, grid.box, grid.layer)
    for box in range(len(grid.boxes) - 1, ROOT, -1):
        if not used[box]:
            continue
        for layer in range(min(used[box]), max(used[box])):
            if layer not in used[box]:
                grid.add(layer, box)
                for each in grid.boxes.path[box]:
                    used[each].add(layer)
