"""How numbers grow with the number of assets, both on logarithmic scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.comparison.charts.canvas import FIRST, MARGIN, Canvas
from bench.comparison.figures import Unit
from bench.comparison.tables import in_unit, label

_LEFT = 82
_RIGHT = 480
_BOTTOM = 318
_HEIGHT = 360
_APART = 15

Series = Sequence[tuple[int, float]]
"""Numbers of assets, rising, and what was measured with so many; all above 0."""


@dataclass(frozen=True)
class _Plot:
    """Where numbers are in the drawing."""

    x: Callable[[float], float]
    y: Callable[[float], float]
    assets: Sequence[int]
    lowest: float
    highest: float


def lines(title: str, subtitle: str, series: Mapping[str, Series], unit: Unit) -> str:
    """A chart with a line for each server, and one that shows what growing in proportion means.

    Args:
        title: what was measured.
        subtitle: what its numbers are, and whether more is better.
        series: by server; at least one.
        unit: of the numbers.
    """
    canvas = Canvas(title, subtitle)
    plot = _plot(series)
    _draw_scales(canvas, plot, unit)
    _draw_proportion(canvas, plot, series)
    ends = {server: plot.y(points[-1][1]) for server, points in series.items()}
    for server, y in _spread(ends).items():
        points = series[server]
        canvas.curve([(plot.x(assets), plot.y(value)) for assets, value in points], server)
        text = f"{label(server)}, {in_unit(points[-1][1], unit)}"
        canvas.text(plot.x(points[-1][0]) + 12, y + 4, text)
    return canvas.svg(_HEIGHT, f"{subtitle}. {' '.join(_said(series, unit))}")


def _plot(series: Mapping[str, Series]) -> _Plot:
    assets = sorted({count for points in series.values() for count, _ in points})
    values = [value for points in series.values() for _, value in points]
    lowest = 10.0 ** math.floor(math.log10(min(values)))
    highest = 10.0 ** math.ceil(math.log10(max(values)))
    highest = highest if highest > lowest else 10 * lowest
    widest = math.log(assets[-1] / assets[0]) or 1.0

    def x(count: float) -> float:
        return _LEFT + 14 + (_RIGHT - _LEFT - 14) * math.log(count / assets[0]) / widest

    def y(value: float) -> float:
        share = math.log(value / lowest) / math.log(highest / lowest)
        return _BOTTOM - (_BOTTOM - FIRST) * share

    return _Plot(x, y, assets, lowest, highest)


def _draw_scales(canvas: Canvas, plot: _Plot, unit: Unit) -> None:
    for power in range(round(math.log10(plot.lowest)), round(math.log10(plot.highest)) + 1):
        y = plot.y(10.0**power)
        canvas.line((_LEFT, y), (_RIGHT + 6, y), "grid")
        canvas.text(_LEFT - 8, y + 4, _power(power, unit), "faint", "end")
    for count in plot.assets:
        canvas.text(plot.x(count), _BOTTOM + 22, f"{count:,}", "faint", "middle")
    canvas.text(MARGIN, _BOTTOM + 22, "assets", "faint")


def _power(power: int, unit: Unit) -> str:
    """A power of ten, without digits that say nothing."""
    number, name = in_unit(10.0**power, unit).split(" ")
    return f"{number.removesuffix('.00').removesuffix('.0')} {name}"


def _draw_proportion(canvas: Canvas, plot: _Plot, series: Mapping[str, Series]) -> None:
    """In the middle between the lines, so that it hides none."""
    ends = [points[-1][1] for points in series.values()]
    first, last = plot.assets[0], plot.assets[-1]
    end = math.sqrt(min(ends) * max(ends))
    begin = max(plot.lowest, end * first / last)
    at = last * begin / end
    canvas.line((plot.x(at), plot.y(begin)), (plot.x(last), plot.y(end)), "guide")
    canvas.text(plot.x(last) + 12, plot.y(end) + 4, "in proportion to assets", "faint")


def _spread(ends: Mapping[str, float]) -> dict[str, float]:
    """The same heights, so far apart that a line of text fits between two of them."""
    found: dict[str, float] = {}
    last = -math.inf
    for server, y in sorted(ends.items(), key=lambda each: each[1]):
        last = found[server] = max(y, last + _APART)
    return found


def _said(series: Mapping[str, Series], unit: Unit) -> Iterator[str]:
    for server, points in series.items():
        numbers = ", ".join(f"{in_unit(value, unit)} with {count:,}" for count, value in points)
        yield f"{label(server)}: {numbers} assets."
