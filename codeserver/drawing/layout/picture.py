"""The places of all parts of a drawing, before it has a look."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]
Curve = tuple[Point, Point, Point]
"""Two control points and the end of a cubic curve, which begins at the end of the one before."""


@dataclass(frozen=True)
class Box:
    """A rectangle. `x` and `y` are its upper left corner; y goes down."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


@dataclass(frozen=True)
class Route:
    """The way of one edge: its first point, the curves from there, and the middle of its label."""

    start: Point
    curves: tuple[Curve, ...]
    label: Point | None = None


@dataclass(frozen=True)
class Picture:
    """The places of nodes, clusters and edges, in the order of the diagram, and its size."""

    cards: tuple[Box, ...]
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float
