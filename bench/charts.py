"""The charts of the page, as SVG of a few KB that suits light and dark pages."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.client import HOT_CALLS
from bench.results import Figure, Results, Unit
from bench.servers import API, CODE_SERVER, OURS
from bench.tables import LABELS, in_unit, place_name, written

_INK, _FAINT, _GRID, _PAPER, _OTHER = "#1b2230", "#5d6675", "#dbe0e9", "#fbfcfd", "#b9a24a"
_SERVERS = {OURS.key: "#0072b2", API.key: "#d55e00", CODE_SERVER.key: "#7c8594"}
_DARK = {
    _INK: "#e9ecf2",
    _FAINT: "#98a2b5",
    _GRID: "#2f3643",
    _PAPER: "#13161c",
    _OTHER: "#d8c878",
    "#0072b2": "#56b4e9",
    "#d55e00": "#f0883e",
    "#7c8594": "#9aa4b5",
}
"""The colour on a dark page for each colour on a light page."""
_NO_TICKS = {f"{axis}tick.{size}.size": 0 for axis in "xy" for size in ("major", "minor")}
_STYLE: Any = {
    "svg.fonttype": "none",  # text as text
    "svg.hashsalt": "codeserver",  # the same names of parts for the same chart
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # bundled with matplotlib; its metrics decide the layout
    "font.size": 9,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "path.simplify": True,
    "text.color": _INK,
    "figure.facecolor": _PAPER,
    **dict.fromkeys(("axes.labelcolor", "xtick.color", "ytick.color"), _FAINT),
    **dict.fromkeys(("axes.edgecolor", "grid.color"), _GRID),
    **_NO_TICKS,
}
_FONTS = 'system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif'
_USELESS = re.compile(
    r"<!--.*?-->|<metadata>.*?</metadata>| id=\"(?![pm][0-9a-f]{8})[\w.]+\"|<g id=\"[\w.]+\"/>"
    r"| transform=\"rotate\(-0 [\d. ]+\)\"| font-family: 'DejaVu Sans', sans-serif;"
    r"| text-anchor: start;| stroke-linejoin: miter;?| stroke-linecap: square;?",
    re.DOTALL,
)
"""Parts of matplotlib's SVG that have no effect, or that repeat the style sheet."""
_DIGITS = re.compile(r"-?\d+\.\d{2,}")
_WIDTH = 7.3
"""Width of every chart, in inches of 72 pixels."""
_APART = 13
"""Pixels between two lines of text."""


@dataclass(frozen=True)
class Chart:
    """A chart of the page.

    Attributes:
        name: name of the file, without the common prefix and suffix.
        title: the subject of the measurement.
        subtitle: the meaning of the numbers, and the better direction.
        groups: title, figure and location of each group of bars that share one scale.
        by_assets: draw lines over the numbers of assets of the locations instead of bars.
    """

    name: str
    title: str
    subtitle: str
    groups: Sequence[tuple[str, str, str]]
    by_assets: bool = False

    def draw(self, results: Results) -> str | None:
        """The chart as SVG; None if none of its figures was measured, or no line has two points."""
        groups = {
            title: (place, found)
            for title, name, place in self.groups
            if (found := results.of(name, place, [*LABELS]))
        }
        if not groups:
            return None
        if not self.by_assets:
            figures = {title: found for title, (_, found) in groups.items()}
            return bars(self.title, self.subtitle, figures)
        series = defaultdict[str, list[tuple[int, float]]](list)
        for place, found in groups.values():
            for figure in found:
                if figure.value > 0:
                    series[figure.server].append((results.places[place].assets, figure.value))
        long = {server: sorted(points) for server, points in series.items() if len(points) > 1}
        return lines(self.title, self.subtitle, long, found[0].unit) if long else None


def bars(title: str, subtitle: str, groups: Mapping[str, Sequence[Figure]]) -> str:
    """A bar chart as SVG, of groups by title, with the server and the number beside each bar."""
    rows = sum(len(figures) + 1 for figures in groups.values())
    most = max(figure.value for figures in groups.values() for figure in figures) or 1.0
    said, y, labels = [], 0.0, {}
    with _chart(title, subtitle, 0.27 * rows + 0.1, 0.1) as (canvas, axes):
        names = axes.get_yaxis_transform()
        for group, figures in groups.items():
            axes.text(-0.473, y, group, transform=names, va="center", weight="bold")
            for figure in figures:
                y += 1
                labels[y] = LABELS[figure.server]
                length = max(figure.value, most / 250)  # the smallest bar stays visible
                bar = axes.barh(y, length, 0.72, color=_colour(figure.server), clip_on=False)
                axes.bar_label(bar, [written(figure)], padding=6)
            numbers = ", ".join(f"{LABELS[each.server]} {written(each)}" for each in figures)
            said.append(f"{group}: {numbers}.")
            y += 1.2
        axes.set(ylim=(y - 0.5, -0.7), xlim=(0, most), xticks=[])
        axes.set_yticks([*labels], [*labels.values()])
        axes.spines["bottom"].set_visible(False)
        canvas.subplots_adjust(left=0.29, right=0.86)
        return _svg(canvas, title, f"{subtitle}. {' '.join(said)}")


Series = Sequence[tuple[int, float]]
"""Pairs of a number of assets and a measured value, sorted by the number; all above 0."""


def lines(title: str, subtitle: str, series: Mapping[str, Series], unit: Unit) -> str:
    """A line chart as SVG: a line for each server, and one for proportional growth."""
    assets = sorted({count for points in series.values() for count, _ in points})
    ends = {server: points[-1][1] for server, points in series.items()}
    with _chart(title, subtitle, 3.4, 0.45) as (canvas, axes):
        axes.set(xscale="log", yscale="log")
        line: Any = {"lw": 2, "marker": "o", "ms": 5, "clip_on": False}
        for server, points in series.items():
            axes.plot(*zip(*points, strict=True), color=_colour(server), **line)
        lowest, highest = _decades(series)
        # In the middle between the lines, so that it hides none.
        middle = math.sqrt(min(ends.values()) * max(ends.values()))
        begin = max(lowest, middle * assets[0] / assets[-1])
        axes.plot([assets[-1] * begin / middle, assets[-1]], [begin, middle], ":", color=_FAINT)
        axes.set(ylim=(lowest, highest), xlabel="assets")
        axes.set_xticks(assets, [f"{count:,}" for count in assets])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value, unit)))
        axes.grid(axis="y", lw=0.8)
        axes.spines[:].set_visible(False)
        canvas.subplots_adjust(left=0.1, right=0.62)
        texts = {f"{LABELS[key]}, {in_unit(end, unit)}": (end, _INK) for key, end in ends.items()}
        texts["in proportion to assets"] = (middle, _FAINT)
        _write_beside(axes, assets[-1], texts)
        said = [subtitle]
        for server, points in series.items():
            values = (f"{in_unit(value, unit)} with {count:,}" for count, value in points)
            said.append(f"{LABELS[server]}: {', '.join(values)} assets")
        return _svg(canvas, title, f"{'. '.join(said)}.")


def _decades(series: Mapping[str, Series]) -> tuple[float, float]:
    """The powers of ten below and above all values."""
    values = [value for points in series.values() for _, value in points]
    lowest = 10.0 ** math.floor(math.log10(min(values)))
    highest = 10.0 ** math.ceil(math.log10(max(values)))
    return lowest, highest if highest > lowest else 10 * lowest


def _short(value: float, unit: Unit) -> str:
    """A power of ten as text, without trailing zeros after the point."""
    number, name = in_unit(value, unit).split(" ")
    return f"{number.removesuffix('.00').removesuffix('.0')} {name}"


def _write_beside(axes: Axes, x: float, texts: Mapping[str, tuple[float, str]]) -> None:
    """Write the labels beside the ends of the lines, without overlaps."""
    last = math.inf
    for text, (value, colour) in sorted(texts.items(), key=lambda each: -each[1][0]):
        at = axes.transData.transform((x, value))[1] * 72 / axes.figure.dpi
        last = min(at, last - _APART)
        axes.annotate(
            text, (x, value), (10, last - at), textcoords="offset points", va="center", color=colour
        )


@contextmanager
def _chart(title: str, subtitle: str, height: float, below: float) -> Iterator[tuple[Canvas, Axes]]:
    """An empty chart with a heading of two lines, and its style during the block.

    The heights of the rest, and of its part below the axes, are in inches.
    """
    with matplotlib.rc_context(_STYLE):
        canvas = Canvas(figsize=(_WIDTH, height + 0.8))
        axes = canvas.add_subplot()
        left, top = 0.15 / _WIDTH, height + 0.8
        canvas.text(left, 1 - 0.28 / top, title, size=12, weight="bold", va="center")
        canvas.text(left, 1 - 0.55 / top, subtitle, color=_FAINT, va="center")
        canvas.subplots_adjust(top=1 - 0.8 / top, bottom=below / top)
        yield canvas, axes


def _svg(canvas: Canvas, title: str, description: str) -> str:
    """The SVG with its title, a description for screen readers, and colours for dark pages."""
    file = StringIO()
    nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
    canvas.savefig(file, format="svg", metadata=nothing)
    drawn = file.getvalue()
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in _DARK.items()
        for what in ("fill", "stroke")
        if f"{what}: {light}" in drawn
    )
    found = re.search(r"<svg [^>]*>", drawn)
    assert found
    svg = found[0].replace(">", ' role="img" aria-labelledby="title description">')
    return (
        f"{svg}\n"
        f'<title id="title">{escape(title, quote=False)}</title>\n'
        f'<desc id="description">{escape(description, quote=False)}</desc>\n'
        f"<style>text{{font-family:{_FONTS}}}\n"
        f"@media (prefers-color-scheme:dark){{{rules}}}</style>\n"
        f"{_small(drawn[found.end() :])}"
    )


def _small(body: str) -> str:
    """The SVG body without comments, group names and excess digits."""

    def shorter(number: re.Match[str]) -> str:
        return f"{float(number[0]):.1f}"

    body = re.sub(r"<[^>]*>", lambda tag: _DIGITS.sub(shorter, tag[0]), _USELESS.sub("", body))
    body = re.sub(r"\s*\n\s*", "\n", body)
    return re.sub(r"(?<=[\d.])\n(?=[Lz])", "", body)


def _colour(server: str) -> str:
    return _SERVERS.get(server, _OTHER)


def _places(name: str, *places: str) -> list[tuple[str, str, str]]:
    return [(place_name(place).capitalize(), name, place) for place in places]


_EVERY = ("example", "100", "1000", "5000")
_BY_ASSETS = "seconds of CPU by number of assets, both axes logarithmic; less is better"

PICTURES = (
    Chart(
        "startup",
        "Time from exec to the first complete location load",
        "seconds; less is better",
        _places("time from exec to first location load", *_EVERY),
    ),
    Chart(
        "location-load",
        "Server CPU of a repeated location load",
        _BY_ASSETS,
        _places("repeated create_location, server CPU", *_EVERY),
        by_assets=True,
    ),
    Chart(
        "repository",
        "Server CPU of an ExternalRepository call",
        _BY_ASSETS,
        _places("ExternalRepository, server CPU", *_EVERY),
        by_assets=True,
    ),
    Chart(
        "throughput",
        "Calls a second, 16 clients with a connection each, 1,000 assets",
        "calls a second on one core; more is better",
        [(call, f"{call}, 16 connections", "1000") for call in HOT_CALLS],
    ),
    Chart(
        "contention",
        "The slowest 1 % of calls during four CPU-bound ticks, 1,000 assets",
        "99th percentile of the time of a call; less is better",
        [(call, f"{call}, p99, while 4 CPU-bound ticks run", "1000") for call in HOT_CALLS],
    ),
    Chart(
        "runs",
        "Start and end of a run, 1,000 assets",
        "time from the call of StartRun; less is better",
        [
            ("Reply", "time to the reply to StartRun", "1000"),
            ("First event", "time to the first event of a run", "1000"),
            ("Success", "time to the end of a run", "1000"),
        ],
    ),
    Chart(
        "memory",
        "Memory of a server with a loaded location",
        "PSS of all processes of the server; less is better",
        _places("memory when loaded", *_EVERY),
    ),
)
"""The charts, in the order of the page."""
