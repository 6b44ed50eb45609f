"""The results of a run: figures, notes for what has no number, and their form as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from statistics import median
from typing import Any

_DIGITS = 4


class Unit(str, Enum):
    """The unit of a number; the value is its symbol."""

    SECONDS = "s"
    BYTES = "B"
    PER_SECOND = "/s"
    CALLS = "calls"
    PERCENT = "%"
    """Percent of one core."""
    SHARE = "% of calls"
    PROCESSES = "processes"
    TIMES = "times"


@dataclass(frozen=True)
class Figure:
    """A measured quantity of one server at one location.

    Attributes:
        name: the quantity, the same for every server and location, such as
            "time to first location load".
        location: name of the location, such as "example" or, for 1,000 assets, "1000".
        server: key of a `bench.servers.Kind`.
        unit: the unit of the samples.
        samples: every measured value, or one value computed from many; never empty.
        more_is_better: large values are better than small ones.
    """

    name: str
    location: str
    server: str
    unit: Unit
    samples: Sequence[float]
    more_is_better: bool = False

    @property
    def value(self) -> float:
        """The median."""
        return median(self.samples)


@dataclass(frozen=True)
class Note:
    """The effect of an event on one server, in one line."""

    event: str
    server: str
    text: str


@dataclass(frozen=True)
class Place:
    """The title of a location, and its number of assets."""

    title: str
    assets: int


@dataclass(frozen=True)
class Part:
    """The results of one workload.

    Attributes:
        workload: name of the workload.
        title: its subject, in a few words.
        how: the method of measurement.
        figures: the measured figures.
        failures: the reasons why it could not be measured, one line each, by location.
        when: the time of the measurement.
        notes: the results in words.
        machine: the versions and the machine; empty if measured together with all others.
    """

    workload: str
    title: str
    how: str
    figures: Sequence[Figure]
    failures: Mapping[str, str] = field(default_factory=dict)
    when: str = ""
    notes: Sequence[Note] = ()
    machine: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """The results of one run.

    Attributes:
        when: the time of its start, in UTC.
        machine: the versions and the machine.
        quick: the run did only enough to see that the workloads work.
        places: the locations by name, the smallest first.
        parts: the results of each workload.
    """

    when: str
    machine: Mapping[str, str]
    quick: bool
    places: Mapping[str, Place]
    parts: Sequence[Part]

    @property
    def figures(self) -> Iterator[Figure]:
        """The figures of all workloads."""
        return (each for part in self.parts for each in part.figures)

    @property
    def failed(self) -> bool:
        """Whether a workload could not be measured."""
        return any(part.failures for part in self.parts)

    def of(self, name: str, location: str, servers: Sequence[str]) -> list[Figure]:
        """The figures of this name and location, in the order of the servers."""
        found = {
            each.server: each
            for each in self.figures
            if (each.name, each.location) == (name, location)
        }
        return [found[server] for server in servers if server in found]

    def updated(self, newer: Results, order: Sequence[str]) -> Results:
        """These results with the workloads of a later run in place of their own.

        Args:
            newer: the results of the later run.
            order: the names of all workloads in their order.
        """
        parts = {part.workload: part for part in (*self.parts, *newer.parts)}
        places = {**self.places, **newer.places}
        return replace(self, places=places, parts=[parts[name] for name in order if name in parts])


def better(figures: Sequence[Figure]) -> Figure | None:
    """The best of several figures with the same name; None if there are none."""
    if not figures:
        return None
    best = max if figures[0].more_is_better else min
    return best(figures, key=lambda each: each.value)


def advantage(ours: Figure, other: Figure) -> float | None:
    """The factor by which ours is better: 2 if it takes half as much, or does twice as much.

    Infinite if ours takes nothing measurable; None if a ratio has no meaning.
    """
    low, high = ours.value, other.value
    if ours.more_is_better:
        low, high = high, low
    if low < 0 or high < 0 or (low == 0 and high == 0):
        return None
    return math.inf if low == 0 else high / low


def as_json(results: Results) -> str:
    """The results as JSON, with one figure per line, so that a diff of two runs is readable."""
    head = {
        "when": results.when,
        "quick": results.quick,
        "machine": dict(results.machine),
        "places": {name: asdict(place) for name, place in results.places.items()},
    }
    parts = ",\n".join(_part_as_json(part) for part in results.parts)
    return f'{json.dumps(head, indent=2)[:-2]},\n  "parts": [\n{parts}\n  ]\n}}\n'


def _part_as_json(part: Part) -> str:
    head = {
        "workload": part.workload,
        "title": part.title,
        "how": part.how.splitlines(),
        "failures": dict(part.failures),
        "when": part.when,
        **({"machine": dict(part.machine)} if part.machine else {}),
        **({"notes": [asdict(note) for note in part.notes]} if part.notes else {}),
    }
    lines = ",\n".join(f"      {_figure_as_json(each)}" for each in part.figures)
    text = json.dumps(head, indent=2, ensure_ascii=False)[:-2].replace("\n", "\n    ")
    return f'    {text},\n      "figures": [\n{lines}\n      ]\n    }}'


def _figure_as_json(figure: Figure) -> str:
    written = asdict(figure)
    samples = [rounded(each) for each in written.pop("samples")]
    return json.dumps({**written, "samples": samples})


def rounded(value: float) -> float:
    """The value with four significant digits, as an integer if it is large."""
    if not math.isfinite(value) or value == 0:
        return value
    shown = round(value, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    return int(shown) if abs(shown) >= 10 ** (_DIGITS - 1) else shown


def from_json(text: str) -> Results:
    """The results in the JSON of `as_json`.

    Raises:
        ValueError: the text is not such JSON.
        KeyError: a part of it is missing.
    """
    read = json.loads(text)
    places = {name: Place(**place) for name, place in read["places"].items()}
    parts = [_part_from_dict(part) for part in read["parts"]]
    return Results(read["when"], read["machine"], read["quick"], places, parts)


def _part_from_dict(read: dict[str, Any]) -> Part:
    changed = {
        "how": "\n".join(read["how"]),
        "figures": [Figure(**{**each, "unit": Unit(each["unit"])}) for each in read["figures"]],
        "notes": [Note(**each) for each in read.get("notes", ())],
    }
    return Part(**{**read, **changed})


def shorten(text: str, longest: int = 160) -> str:
    """The text on one line, cut to a length."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
