"""Moves unconnected parts to columns side by side, so that no column becomes a tower."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import ceil, sqrt

from codeserver.drawing.layout.graphs import Pair, Sets
from codeserver.drawing.layout.grid import Boxes

_ROWS_PER_COLUMN = 2.0
"""With as many rows as columns, the picture would be a strip; with twice as many, it is a page."""


def pack(boxes: Boxes, box: Sequence[int], edges: Sequence[Pair], layer: list[int]) -> list[int]:
    """Change layers in place, and return the nodes in the order from top to bottom.

    A *unit* is a set of nodes that keep their layers relative to each other: connected nodes, and
    the content of a box. Units of one box without edges out of it are put side by side, in rows.
    """
    component = Sets(len(box), edges)
    rank = list(range(len(box)))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for node, inner in enumerate(box):
        for each in boxes.path[inner]:
            members[each].append(node)
    size = [component.count_of(node) for node in range(len(box))]
    for current in range(len(boxes) - 1, -1, -1):
        inside = members[current]
        units = _units(boxes, current, inside, box, component)
        fixed: list[list[int]] = []
        free: list[list[int]] = []
        for unit in units:
            # All nodes of the components that have a node in the unit.
            whole = sum({component.of(node): size[node] for node in unit}.values())
            closed = len(unit) == whole
            (free if closed else fixed).append(unit)
        _shelve(fixed, free, layer)
        rows = [node for unit in (*fixed, *free) for node in sorted(unit, key=rank.__getitem__)]
        for place, node in zip(sorted(rank[node] for node in rows), rows, strict=True):
            rank[node] = place
    return sorted(range(len(box)), key=rank.__getitem__)


def _units(
    boxes: Boxes, current: int, inside: Sequence[int], box: Sequence[int], component: Sets
) -> list[list[int]]:
    place = {node: index for index, node in enumerate(inside)}
    sets = Sets(len(inside))
    first: dict[tuple[str, int], int] = {}
    for node in inside:
        names = [("component", component.of(node))]
        child = boxes.child(current, box[node])
        if child is not None:
            names.append(("box", child))
        for name in names:
            sets.join(place[node], first.setdefault(name, place[node]))
    units: defaultdict[int, list[int]] = defaultdict(list)
    for node in inside:
        units[sets.of(place[node])].append(node)
    return list(units.values())


def _shelve(fixed: Sequence[list[int]], free: list[list[int]], layer: list[int]) -> None:
    """Move the free units side by side, in rows that begin at the layer of the first fixed one."""
    if len(fixed) + len(free) < 2:
        return
    anchored = [layer[node] for unit in fixed for node in unit]
    begin = min(anchored, default=0)
    free.sort(key=lambda unit: -_span(unit, layer)[1])
    spans = [_span(unit, layer) for unit in free]
    area = sum(columns * rows for columns, rows in spans) + len(anchored)
    width = max(
        [
            ceil(sqrt(area / _ROWS_PER_COLUMN)),
            max(anchored, default=0) - begin + 1,
            *(columns for columns, _ in spans),
        ]
    )
    at = 0
    for unit, (columns, _) in zip(free, spans, strict=True):
        if at and at + columns > width:
            at = 0
        shift = begin + at - min(layer[node] for node in unit)
        for node in unit:
            layer[node] += shift
        at += columns


def _span(unit: Sequence[int], layer: Sequence[int]) -> tuple[int, int]:
    """The number of columns and rows of a unit."""
    used = Counter(layer[node] for node in unit)
    return max(used) - min(used) + 1, max(used.values())
