"""Groups of bars, each with its server and its number beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.comparison.charts.canvas import FIRST, MARGIN, WIDTH, Canvas
from bench.comparison.figures import Figure
from bench.comparison.tables import label, written

_BEGIN = 196
_END = 590
_BAR = 14
_ROW = 19
_HEADING = 20
_BETWEEN = 14


@dataclass(frozen=True)
class Group:
    """Bars that belong together.

    Attributes:
        title: what they have in common.
        figures: one for each bar.
    """

    title: str
    figures: Sequence[Figure]


def bars(title: str, subtitle: str, groups: Sequence[Group]) -> str:
    """A chart in which all bars have the same scale, which begins at 0.

    Args:
        title: what was measured.
        subtitle: what its numbers are, and whether more is better.
        groups: at least one, each with at least one figure.
    """
    canvas = Canvas(title, subtitle)
    most = max(figure.value for group in groups for figure in group.figures) or 1.0
    y = float(FIRST)
    said = []
    for group in groups:
        canvas.text(MARGIN, y + 12, group.title, "group")
        y += _HEADING
        for figure in group.figures:
            length = (_END - _BEGIN) * max(0.0, figure.value) / most
            canvas.text(_BEGIN - 8, y + 11, label(figure.server), "faint", "end")
            canvas.bar(_BEGIN, y, length, _BAR, figure.server)
            canvas.text(_BEGIN + max(1.5, length) + 7, y + 11, written(figure))
            y += _ROW
        y += _BETWEEN
        numbers = ", ".join(f"{label(each.server)} {written(each)}" for each in group.figures)
        said.append(f"{group.title}: {numbers}.")
    canvas.line((_BEGIN - 0.5, FIRST), (_BEGIN - 0.5, y - _BETWEEN), "grid")
    assert _END < WIDTH
    return canvas.svg(y, f"{subtitle}. {' '.join(said)}")
