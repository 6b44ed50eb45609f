"""Place and width of the columns, with room for cards, edges of boxes, labels and steep curves."""

from __future__ import annotations

from collections.abc import Sequence

from codeserver.drawing.diagram import Edge
from codeserver.drawing.layout.grid import ROOT, Grid, columns_of
from codeserver.drawing.layout.measures import BOX_PADDING, label_width
from codeserver.drawing.layout.picture import Box

_LEAST_GAP, _MOST_GAP = 52.0, 150.0
_STEEPNESS = 0.09
"""A gap grows by this part of the height of its highest curve: steep curves look like a wall."""


class Columns:
    """Left and right edge of each column, and the vertical middle of each item."""

    def __init__(
        self,
        grid: Grid,
        sizes: Sequence[tuple[float, float]],
        middle: Sequence[float],
        edges: Sequence[Edge],
    ) -> None:
        """Takes the sizes of the cards, the widest of which makes the width of a column."""
        widths = [0.0] * len(grid.columns)
        for node, (width, _) in enumerate(sizes):
            widths[grid.layer[node]] = max(widths[grid.layer[node]], width)
        self._grid = grid
        self.middle = middle
        used = columns_of(grid.boxes, grid.box, grid.layer)
        self._span = [
            (min(used[box]), max(used[box])) if used[box] else (0, 0)
            for box in range(len(grid.boxes))
        ]
        self._inset = [self._insets(end) for end in (0, 1)]
        self.left: list[float] = []
        self.right: list[float] = []
        gaps = self._gaps(edges)
        x = BOX_PADDING * self._nested(0, 0)
        for layer, width in enumerate(widths):
            self.left.append(x)
            self.right.append(x + width)
            x += width + gaps[layer]

    def width(self, item: int) -> float:
        """Width of the column of an item."""
        return self.right[self._grid.layer[item]] - self.left[self._grid.layer[item]]

    def around(self, box: int, upper: float, lower: float) -> Box:
        """The place of a box."""
        first, last = self._span[box]
        x = self.left[first] - BOX_PADDING * self._inset[0][box]
        return Box(
            x, upper, self.right[last] + BOX_PADDING * self._inset[1][box] - x, lower - upper
        )

    def _gaps(self, edges: Sequence[Edge]) -> list[float]:
        """Width of the gap after each column."""
        grid = self._grid
        gaps = [_LEAST_GAP] * len(grid.columns)
        for item, its in enumerate(grid.right):
            layer = grid.layer[item]
            for other in its:
                wanted = _LEAST_GAP + _STEEPNESS * abs(self.middle[item] - self.middle[other])
                gaps[layer] = max(gaps[layer], min(_MOST_GAP, wanted))
        for edge, route in zip(edges, grid.routes, strict=True):
            if route is not None and edge.label:
                layer = grid.layer[route[-1]] - 1
                gaps[layer] = max(gaps[layer], label_width(edge) + 40.0)
        return [
            gap + BOX_PADDING * (self._nested(1, layer) + self._nested(0, layer + 1))
            for layer, gap in enumerate(gaps)
        ]

    def _insets(self, end: int) -> list[int]:
        """For each box, the depth of nested boxes with the same first or last column."""
        grid = self._grid
        found = [1] * len(grid.boxes)
        for box in range(len(grid.boxes) - 1, ROOT, -1):
            parent = grid.boxes.parent[box]
            if self._span[parent][end] == self._span[box][end]:
                found[parent] = max(found[parent], found[box] + 1)
        return found

    def _nested(self, end: int, layer: int) -> int:
        boxes = range(1, len(self._grid.boxes))
        return max(
            (self._inset[end][box] for box in boxes if self._span[box][end] == layer), default=0
        )
