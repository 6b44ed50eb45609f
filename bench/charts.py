"""The charts of the page, as SVG of a few KB that suits light and dark pages."""

from __future__ import annotations

import math
import re
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

from bench.figures import Figure, Unit
from bench.results import Results
from bench.tables import LABELS, in_unit, label, place_name, written

_INK, _FAINT, _GRID, _PAPER, _OTHER = "#1b2230", "#5d6675", "#dbe0e9", "#fbfcfd", "#b9a24a"
_SERVERS = {"ours": "#0072b2", "api": "#d55e00", "code-server": "#7c8594"}
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
_STYLE: Any = {
    "svg.fonttype": "none",  # text as text
    "svg.hashsalt": "codeserver",  # the same names of parts for the same chart
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # bundled with matplotlib; its metrics decide the layout
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _FAINT,
    "axes.edgecolor": _GRID,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": _PAPER,
    "grid.color": _GRID,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "path.simplify": True,
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
class Bars:
    """A chart with groups of bars that share one scale.

    Attributes:
        name: name of the file, without the common prefix and suffix.
        title: the subject of the measurement.
        subtitle: the meaning of the numbers, and the better direction.
        groups: title, figure and location of each group.
    """

    name: str
    title: str
    subtitle: str
    groups: Sequence[tuple[str, str, str]]

    def draw(self, results: Results) -> str | None:
        """The chart as SVG; None if none of its figures was measured."""
        groups = {
            title: found
            for title, name, place in self.groups
            if (found := _by_server(results, name, place))
        }
        return bars(self.title, self.subtitle, groups) if groups else None


@dataclass(frozen=True)
class Lines:
    """A chart of a figure by the number of assets.

    Attributes:
        name: name of the file, without the common prefix and suffix.
        title: the subject of the measurement.
        subtitle: the meaning of the numbers, and the better direction.
        figure: the name of the figure.
    """

    name: str
    title: str
    subtitle: str
    figure: str

    def draw(self, results: Results) -> str | None:
        """The chart as SVG; None if fewer than two locations were measured."""
        by_server: dict[str, list[Figure]] = {}
        for place in results.places:
            for found in _by_server(results, self.figure, place):
                if found.value > 0:
                    by_server.setdefault(found.server, []).append(found)
        series = {
            server: sorted((results.places[each.location].assets, each.value) for each in found)
            for server, found in by_server.items()
            if len(found) > 1
        }
        if not series:
            return None
        (unit,) = {each.unit for found in by_server.values() for each in found}
        return lines(self.title, self.subtitle, series, unit)


def bars(title: str, subtitle: str, groups: Mapping[str, Sequence[Figure]]) -> str:
    """A bar chart as SVG, with the server and the number beside each bar.

    Args:
        title: the subject of the measurement.
        subtitle: the meaning of the numbers, and the better direction.
        groups: the groups by title; at least one, each with at least one figure.
    """
    rows = sum(len(figures) + 1 for figures in groups.values())
    most = max(figure.value for figures in groups.values() for figure in figures) or 1.0
    said, y, labels = [], 0.0, {}
    with _chart(title, subtitle, 0.27 * rows + 0.1, 0.1) as (axes, svg):
        names = axes.get_yaxis_transform()
        for group, figures in groups.items():
            axes.text(-0.473, y, group, transform=names, va="center", weight="bold")
            for figure in figures:
                y += 1
                labels[y] = label(figure.server)
                length = max(figure.value, most / 250)  # the smallest bar stays visible
                bar = axes.barh(y, length, 0.72, color=_colour(figure.server), clip_on=False)
                axes.bar_label(bar, [written(figure)], padding=6)
            numbers = ", ".join(f"{label(each.server)} {written(each)}" for each in figures)
            said.append(f"{group}: {numbers}.")
            y += 1.2
        axes.set(ylim=(y - 0.5, -0.7), xlim=(0, most), xticks=[])
        axes.set_yticks([*labels], [*labels.values()])
        axes.spines["bottom"].set_visible(False)
        axes.figure.subplots_adjust(left=0.29, right=0.86)
    return svg(f"{subtitle}. {' '.join(said)}")


Series = Sequence[tuple[int, float]]
"""Pairs of a number of assets and a measured value, sorted by the number; all above 0."""


def lines(title: str, subtitle: str, series: Mapping[str, Series], unit: Unit) -> str:
    """A line chart as SVG: a line for each server, and one for proportional growth.

    Args:
        title: the subject of the measurement.
        subtitle: the meaning of the numbers, and the better direction.
        series: the values by server; at least one series.
        unit: the unit of the values.
    """
    assets = sorted({count for points in series.values() for count, _ in points})
    ends = {server: points[-1][1] for server, points in series.items()}
    with _chart(title, subtitle, 3.4, 0.45) as (axes, svg):
        axes.set(xscale="log", yscale="log")
        for server, points in series.items():
            axes.plot(
                *zip(*points, strict=True),
                color=_colour(server),
                lw=2,
                marker="o",
                ms=5,
                clip_on=False,
            )
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
        axes.figure.subplots_adjust(left=0.1, right=0.62)
        texts = {f"{label(key)}, {in_unit(end, unit)}": (end, _INK) for key, end in ends.items()}
        texts["in proportion to assets"] = (middle, _FAINT)
        _write_beside(axes, assets[-1], texts)
    said = (
        f"{label(server)}: "
        + ", ".join(f"{in_unit(value, unit)} with {count:,}" for count, value in points)
        + " assets."
        for server, points in series.items()
    )
    return svg(f"{subtitle}. {' '.join(said)}")


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


class _Svg:
    """Converts a chart to SVG after it is drawn."""

    def __init__(self, canvas: Canvas, title: str) -> None:
        self._canvas = canvas
        self._title = title
        self._drawn = ""

    def draw(self) -> None:
        """Have matplotlib draw it."""
        file = StringIO()
        nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
        self._canvas.savefig(file, format="svg", metadata=nothing)
        self._drawn = file.getvalue()

    def __call__(self, description: str) -> str:
        """The SVG with its title, a description for screen readers, and colours for dark pages."""
        rules = "".join(
            f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
            for light, dark in _DARK.items()
            for what in ("fill", "stroke")
            if f"{what}: {light}" in self._drawn
        )
        begin = (
            f'<title id="title">{escape(self._title, quote=False)}</title>\n'
            f'<desc id="description">{escape(description, quote=False)}</desc>\n'
            f"<style>text{{font-family:{_FONTS}}}\n"
            f"@media (prefers-color-scheme:dark){{{rules}}}</style>\n"
        )
        found = re.search(r"<svg [^>]*>", self._drawn)
        assert found
        svg = found[0].replace(">", ' role="img" aria-labelledby="title description">')
        return f"{svg}\n{begin}{_small(self._drawn[found.end() :])}"


def _small(body: str) -> str:
    """The SVG body without comments, group names and excess digits."""
    body = re.sub(r"<[^>]*>", lambda tag: _DIGITS.sub(_shorter, tag[0]), _USELESS.sub("", body))
    body = re.sub(r"\s*\n\s*", "\n", body)
    return re.sub(r"(?<=[\d.])\n(?=[Lz])", "", body)


def _shorter(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}"


@contextmanager
def _chart(title: str, subtitle: str, height: float, below: float) -> Iterator[tuple[Axes, _Svg]]:
    """An empty chart with a heading; it is drawn at the end of the block.

    Args:
        title: the first line of the heading.
        subtitle: the second line of the heading.
        height: height of the rest, in inches.
        below: height of the part below the axes, in inches.
    """
    with matplotlib.rc_context(_STYLE):
        canvas = Canvas(figsize=(_WIDTH, height + 0.8))
        axes = canvas.add_subplot()
        svg = _Svg(canvas, title)
        left, top = 0.15 / _WIDTH, height + 0.8
        canvas.text(left, 1 - 0.28 / top, title, size=12, weight="bold", va="center")
        canvas.text(left, 1 - 0.55 / top, subtitle, color=_FAINT, va="center")
        canvas.subplots_adjust(top=1 - 0.8 / top, bottom=below / top)
        yield axes, svg
        svg.draw()


def _colour(server: str) -> str:
    return _SERVERS.get(server, _OTHER)


def _by_server(results: Results, name: str, place: str) -> list[Figure]:
    found = [results.figure(name, place, server) for server in LABELS]
    return [each for each in found if each]


def _places(name: str, *places: str) -> list[tuple[str, str, str]]:
    return [(place_name(place).capitalize(), name, place) for place in places]


_EVERY = ("example", "100", "1000", "5000")

PICTURES: tuple[Bars | Lines, ...] = (
    Bars(
        "startup",
        "From exec to the first complete location load",
        "seconds; less is better",
        _places("time from exec to first location load", *_EVERY),
    ),
    Lines(
        "location-load",
        "CPU of the server for a repeated location load",
        "seconds of CPU over the number of assets, both logarithmic; less is better",
        "repeated create_location, server CPU",
    ),
    Lines(
        "repository",
        "CPU of the server for an ExternalRepository call",
        "seconds of CPU over the number of assets, both logarithmic; less is better",
        "ExternalRepository, server CPU",
    ),
    Bars(
        "throughput",
        "Calls a second, 16 clients with a connection each, 1,000 assets",
        "calls a second on one core; more is better",
        [
            (call, f"{call}, 16 connections", "1000")
            for call in ("GetServerId", "ListRepositories", "ExternalJob")
        ],
    ),
    Bars(
        "contention",
        "The slowest 1 % of calls while four CPU-bound ticks run, 1,000 assets",
        "99th percentile of the time that a call takes; less is better",
        [
            (call, f"{call}, p99, while 4 CPU-bound ticks run", "1000")
            for call in ("GetServerId", "ListRepositories", "ExternalJob")
        ],
    ),
    Bars(
        "runs",
        "Starting a run, 1,000 assets",
        "time since StartRun was called; less is better",
        [
            ("Reply", "time to the reply to StartRun", "1000"),
            ("First event", "time to the first event of a run", "1000"),
            ("Success", "time to the end of a run", "1000"),
        ],
    ),
    Bars(
        "memory",
        "Memory when a location is loaded",
        "PSS of all processes of a server; less is better",
        _places("memory when loaded", *_EVERY),
    ),
)
"""The charts, in the order of the page."""
