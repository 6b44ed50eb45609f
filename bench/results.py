"""The results of a run, and their form as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bench.figures import Figure, Note, Unit
from bench.servers import KINDS

OURS = "ours"
STOCK = tuple(key for key in KINDS if key != OURS)
_DIGITS = 4


@dataclass(frozen=True)
class Place:
    """A description of a served location.

    Attributes:
        title: the name to show.
        assets: number of assets.
    """

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
        for part in self.parts:
            yield from part.figures

    @property
    def failed(self) -> bool:
        """Whether a workload could not be measured."""
        return any(part.failures for part in self.parts)

    def figure(self, name: str, location: str, server: str) -> Figure | None:
        """The figure of this name, location and server; None if there is none."""
        for each in self.figures:
            if (each.name, each.location, each.server) == (name, location, server):
                return each
        return None


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
    lines = ",\n".join(f"      {json.dumps(_figure_as_dict(each))}" for each in part.figures)
    text = json.dumps(head, indent=2, ensure_ascii=False)[:-2].replace("\n", "\n    ")
    return f'    {text},\n      "figures": [\n{lines}\n      ]\n    }}'


def _figure_as_dict(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "location": figure.location,
        "server": figure.server,
        "unit": figure.unit.value,
        "more_is_better": figure.more_is_better,
        "samples": [rounded(sample) for sample in figure.samples],
    }


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
    return Results(
        read["when"],
        read["machine"],
        read["quick"],
        {name: Place(**place) for name, place in read["places"].items()},
        [_part_from_dict(part) for part in read["parts"]],
    )


def _part_from_dict(read: dict[str, Any]) -> Part:
    return Part(
        workload=read["workload"],
        title=read["title"],
        how="\n".join(read["how"]),
        figures=[Figure(**{**each, "unit": Unit(each["unit"])}) for each in read["figures"]],
        failures=read["failures"],
        when=read["when"],
        notes=[Note(**each) for each in read.get("notes", ())],
        machine=read.get("machine", {}),
    )


def updated(before: Results, newer: Results, order: Sequence[str]) -> Results:
    """The results of a whole run, updated with workloads that were measured later.

    Args:
        before: the results of the whole run.
        newer: the results of the later workloads.
        order: the names of all workloads in their order.
    """
    parts = {part.workload: part for part in (*before.parts, *newer.parts)}
    places = {**before.places, **newer.places}
    return replace(before, places=places, parts=[parts[name] for name in order if name in parts])
