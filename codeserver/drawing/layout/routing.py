"""The curves of edges, and the places of their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from codeserver.drawing.diagram import Diagram
from codeserver.drawing.layout.columns import Columns
from codeserver.drawing.layout.grid import Grid
from codeserver.drawing.layout.measures import ARROW, LABEL_HEIGHT, label_width
from codeserver.drawing.layout.picture import Box, Curve, Point, Route
from codeserver.drawing.layout.ports import Ports

_LABEL_X, _LABEL_Y = 0.62, 0.72
"""A part of the last curve at which curves are apart, whether to different cards or to one."""


def routes(
    diagram: Diagram, grid: Grid, columns: Columns, ports: Ports, cards: Sequence[Box]
) -> tuple[Route, ...]:
    """The way of each edge: level through columns, curved between them."""
    number = {node.id: index for index, node in enumerate(diagram.nodes)}
    found: list[Route] = []
    labels: defaultdict[int, list[tuple[float, float, int]]] = defaultdict(list)
    for index, (edge, route) in enumerate(zip(diagram.edges, grid.routes, strict=True)):
        if route is None:
            found.append(_backwards(cards[number[edge.source]], cards[number[edge.target]]))
            continue
        start = cards[route[0]].right, columns.middle[route[0]] + ports.out_of[index]
        end = cards[route[-1]].x - ARROW, columns.middle[route[-1]] + ports.into[index]
        curves = _curves(grid, columns, start, end, route[1:-1])
        found.append(Route(start, curves))
        if edge.label:
            begin = curves[-2][2] if len(curves) > 1 else start
            x = begin[0] + _LABEL_X * (end[0] - begin[0])
            x = min(x, end[0] - label_width(edge) / 2 - 4)
            y = begin[1] + _LABEL_Y * (end[1] - begin[1])
            labels[grid.layer[route[-1]]].append((y, x, index))
    for those in labels.values():
        for at, index in _apart(those):
            found[index] = Route(found[index].start, found[index].curves, at)
    return tuple(found)


def _curves(
    grid: Grid, columns: Columns, start: Point, end: Point, bends: Sequence[int]
) -> tuple[Curve, ...]:
    curves: list[Curve] = []
    here = start
    for item in bends:
        layer = grid.layer[item]
        entry = columns.left[layer], columns.middle[item]
        leave = columns.right[layer], columns.middle[item]
        curves += [_curve(here, entry), _curve(entry, leave)]
        here = leave
    return (*curves, _curve(here, end))


def _curve(start: Point, end: Point) -> Curve:
    half = (end[0] - start[0]) / 2
    return (start[0] + half, start[1]), (end[0] - half, end[1]), end


def _backwards(source: Box, target: Box) -> Route:
    """A line that goes backwards, or from a card to itself, over the cards."""
    if source == target:
        x, y = source.right - 40, source.y
        return Route((x, y), (((x, y - 18), (x + 24, y - 18), (x + 24, y - ARROW)),))
    start = source.right, source.y + source.height / 2
    end = target.x - ARROW, target.y + target.height / 2
    far = 80.0
    return Route(start, (((start[0] + far, start[1] - far), (end[0] - far, end[1] - far), end),))


def _apart(labels: Sequence[tuple[float, float, int]]) -> list[tuple[Point, int]]:
    """Move the labels of one gap up and down until they no longer overlap."""
    ordered = sorted(labels)
    down, up = [each[0] for each in ordered], [each[0] for each in ordered]
    for index in range(1, len(ordered)):
        down[index] = max(down[index], down[index - 1] + LABEL_HEIGHT)
    for index in range(len(ordered) - 2, -1, -1):
        up[index] = min(up[index], up[index + 1] - LABEL_HEIGHT)
    return [
        ((x, (one + other) / 2), index)
        for (_, x, index), one, other in zip(ordered, down, up, strict=True)
    ]
