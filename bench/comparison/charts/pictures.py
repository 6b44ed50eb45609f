"""The charts of the page: which figures they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.comparison.charts.bars import Group, bars
from bench.comparison.charts.lines import lines
from bench.comparison.figures import Figure
from bench.comparison.results import Results
from bench.comparison.tables import LABELS, place_name


@dataclass(frozen=True)
class Bars:
    """A chart with bars.

    Attributes:
        name: of its file, without what all begin and end with.
        title: what was measured.
        subtitle: what its numbers are, and whether more is better.
        groups: title, figure and location of each.
    """

    name: str
    title: str
    subtitle: str
    groups: Sequence[tuple[str, str, str]]

    def draw(self, results: Results) -> str | None:
        """As SVG; None when nothing of it was measured."""
        groups = [
            Group(title, found)
            for title, name, place in self.groups
            if (found := _by_server(results, name, place))
        ]
        return bars(self.title, self.subtitle, groups) if groups else None


@dataclass(frozen=True)
class Lines:
    """A chart of what grows with the number of assets.

    Attributes:
        name: of its file, without what all begin and end with.
        title: what was measured.
        subtitle: what its numbers are, and whether more is better.
        figure: the name of the figure.
    """

    name: str
    title: str
    subtitle: str
    figure: str

    def draw(self, results: Results) -> str | None:
        """As SVG; None when fewer than two locations were measured."""
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
"""In the order of the page."""
