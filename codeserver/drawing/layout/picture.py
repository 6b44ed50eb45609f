"""Where everything is: the drawing before it has a look."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]
Curve = tuple[Point, Point, Point]
"""Two control points and the end of a cubic curve that begins where the one before ended."""


@dataclass(frozen=True)
class Box:
    """A rectangle; x goes to the right and y down."""

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
    """The way of one edge.

    Attributes:
        start: where it begins.
        curves: how it goes on.
        label: the middle of its label; None without one.
    """

    start: Point
    curves: tuple[Curve, ...]
    label: Point | None = None


@dataclass(frozen=True)
class Picture:
    """Places, in the order of what is drawn in the diagram.

    Attributes:
        cards: the place of each node.
        boxes: the place of each cluster.
        routes: the way of each edge.
        width: right edge of everything.
        height: lower edge of everything.
    """

    cards: tuple[Box, ...]
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float
