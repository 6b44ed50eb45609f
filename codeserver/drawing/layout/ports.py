"""Points of a card at which edges begin and end: one for each connected output and input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from codeserver.drawing.diagram import Diagram
from codeserver.drawing.layout.grid import Grid

_MOST_SPACE = 14.0
_MARGIN = 9.0
"""Points keep away from the corners of the card."""


class Ports:
    """The points at which each edge begins and ends: distances down from the middle of the card."""

    def __init__(self, diagram: Diagram, grid: Grid, heights: Sequence[float]) -> None:
        """Puts the points of each card in the order of the items that they are connected with."""
        place = grid.places()
        outs: defaultdict[int, dict[str, list[int]]] = defaultdict(dict)
        ins: defaultdict[int, dict[str, list[int]]] = defaultdict(dict)
        for edge, route in zip(diagram.edges, grid.routes, strict=True):
            if route is not None:
                outs[route[0]].setdefault(edge.source_port, []).append(place[route[1]])
                ins[route[-1]].setdefault(edge.target_port, []).append(place[route[-2]])
        out_at = {node: _spread(ports, heights[node]) for node, ports in outs.items()}
        in_at = {node: _spread(ports, heights[node]) for node, ports in ins.items()}
        self.out_of = [0.0] * len(diagram.edges)
        self.into = [0.0] * len(diagram.edges)
        for index, (edge, route) in enumerate(zip(diagram.edges, grid.routes, strict=True)):
            if route is not None:
                self.out_of[index] = out_at[route[0]][edge.source_port]
                self.into[index] = in_at[route[-1]][edge.target_port]


def _spread(ports: Mapping[str, Sequence[int]], height: float) -> dict[str, float]:
    names = sorted(ports, key=lambda name: (sum(ports[name]) / len(ports[name]), name))
    space = min(_MOST_SPACE, (height - 2 * _MARGIN) / max(1, len(names) - 1))
    return {name: (index - (len(names) - 1) / 2) * space for index, name in enumerate(names)}
