"""Lays a diagram out in columns from left to right, without another program.

The method is Sugiyama's: columns, an order in each of them, heights, curves. Each step is a
module. The result depends on nothing but the diagram.
"""

from __future__ import annotations

from operator import add

from codeserver.drawing.diagram import Diagram
from codeserver.drawing.layout import graphs, ordering, packing, straight
from codeserver.drawing.layout.columns import Columns
from codeserver.drawing.layout.demands import demands
from codeserver.drawing.layout.grid import ROOT, Boxes, Grid, build
from codeserver.drawing.layout.heights import solve
from codeserver.drawing.layout.measures import card_size
from codeserver.drawing.layout.picture import Box, Picture
from codeserver.drawing.layout.ports import Ports
from codeserver.drawing.layout.routing import routes


def lay_out(diagram: Diagram) -> Picture:
    """The place of everything in a diagram."""
    sizes = [card_size(node) for node in diagram.nodes]
    grid = _grid(diagram)
    ports = Ports(diagram, grid, [height for _, height in sizes])
    heights = [height for _, height in sizes] + [0.0] * (len(grid.layer) - len(sizes))
    line = straight.lines(grid)
    rows = demands(grid, heights, ports, line)
    at = solve(rows)
    halves = [height / 2 for height in heights]
    tops = [at[line[item]] - half for item, half in enumerate(halves)]
    top = min([*tops, *(at[upper] for upper, _ in rows.tops)], default=0.0)
    middle = [at[each] - top for each in line]
    columns = Columns(grid, sizes, middle, diagram.edges)
    cards = tuple(
        Box(columns.left[grid.layer[node]], middle[node] - height / 2, columns.width(node), height)
        for node, (_, height) in enumerate(sizes)
    )
    boxes = tuple(
        columns.around(box, at[upper] - top, at[lower] - top)
        for box, (upper, lower) in enumerate(rows.tops, start=1)
    )
    return Picture(
        cards=cards,
        boxes=boxes,
        routes=routes(diagram, grid, columns, ports, cards),
        width=max((each.right for each in (*cards, *boxes)), default=0.0),
        height=max([*map(add, middle, halves), *(each.bottom for each in boxes)], default=0.0),
    )


def _grid(diagram: Diagram) -> Grid:
    number = {node.id: index for index, node in enumerate(diagram.nodes)}
    numbers = {cluster.id: index for index, cluster in enumerate(diagram.clusters, start=1)}
    boxes = Boxes([numbers.get(cluster.parent, ROOT) for cluster in diagram.clusters])
    box = [numbers.get(node.cluster, ROOT) for node in diagram.nodes]
    pairs = [(number[edge.source], number[edge.target]) for edge in diagram.edges]
    forwards = graphs.acyclic(len(box), pairs)
    layer = graphs.assign(len(box), forwards, box, [node.level for node in diagram.nodes])
    if all(node.level is None for node in diagram.nodes):
        priority = packing.pack(boxes, box, pairs, layer)
    else:
        priority = list(range(len(box)))
    edges = [
        ((source, edge.source_port, edge.style), target)
        for edge, (source, target) in zip(diagram.edges, pairs, strict=True)
    ]
    grid = build(boxes, box, layer, edges)
    ordering.arrange(grid, priority)
    return grid
