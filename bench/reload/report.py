"""The results as tables, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.reload import edits, requests
from bench.reload.edited import OURS, STOCK, Edit
from bench.reload.requests import Requests
from bench.reload.subjects import Location
from bench.report import Table
from bench.servers import Kind
from bench.wording import one_line

_SHOWN_ERRORS = 3
_EDITS = "from saving a file until its new job is there"
_REQUESTS = "requests of 16 clients while the file is edited"


@dataclass(frozen=True)
class Found:
    """What was found out about one server of one location.

    Attributes:
        edits: how long each took.
        requests: what became of them.
    """

    edits: Sequence[Edit]
    requests: Requests

    @property
    def visible(self) -> float:
        """Seconds until an edit is visible; the median."""
        return median(each.visible for each in self.edits)


Results = Mapping[Location, Mapping[Kind, Found]]
"""By location, then by server."""


def details(results: Results, kinds: Sequence[Kind]) -> list[Table]:
    """A table a measurement, with how it was made."""
    labels = [kind.label for kind in kinds]
    return [
        Table(
            _EDITS,
            ["", *labels, "stock / ours"],
            [[*row, _ratio(results[at])] for at, row in _rows(results, kinds, _edits)],
            one_line(edits.measure.__doc__),
        ),
        Table(
            _REQUESTS,
            ["", *labels],
            [row for _, row in _rows(results, kinds, _requests)],
            one_line(requests.measure.__doc__),
        ),
    ]


def summary(results: Results, kinds: Sequence[Kind]) -> Table:
    """The same in one table."""
    return Table(
        "",
        ["", *(f"`{kind.label}`" for kind in kinds), "stock / ours"],
        [
            *(
                [f"{_EDITS}: {row[0]}", *row[1:], _ratio(results[at])]
                for at, row in _rows(results, kinds, _edits)
            ),
            *(
                [f"{_REQUESTS}: {row[0]}", *row[1:], ""]
                for _, row in _rows(results, kinds, _requests)
            ),
        ],
    )


def as_json(results: Results, machine: dict[str, str]) -> str:
    """All numbers."""
    found: dict[str, Any] = {
        location.name: {
            "title": location.title,
            "servers": {kind.key: _numbers(found) for kind, found in by_kind.items()},
            "visible_ratio": _times(by_kind),
        }
        for location, by_kind in results.items()
    }
    how = {"edits": edits.measure, "requests": requests.measure}
    written = {
        "machine": machine,
        "how": {name: one_line(measure.__doc__) for name, measure in how.items()},
        "locations": found,
    }
    return json.dumps(written, indent=2) + "\n"


def _rows(
    results: Results, kinds: Sequence[Kind], cell: Callable[[Found], str]
) -> list[tuple[Location, list[str]]]:
    return [
        (location, [location.title, *(cell(by_kind[kind]) for kind in kinds)])
        for location, by_kind in results.items()
    ]


def _edits(found: Found) -> str:
    times = [each.visible for each in found.edits]
    new_id = median(each.new_id for each in found.edits)
    return (
        f"median {found.visible:.2f} s, min {min(times):.2f} s, max {max(times):.2f} s of "
        f"{len(times)}; new id after {new_id:.2f} s"
    )


def _requests(found: Found) -> str:
    made = found.requests
    if not made.reloads:
        return "not measured"
    errors = [f"{count}x {error}" for error, count in made.errors.items()]
    hidden = len(errors) - _SHOWN_ERRORS
    more = [f"and {hidden} other errors"] if hidden > 0 else []
    reloads = f"{made.reloads} reload{'' if made.reloads == 1 else 's'}"
    said = f"{reloads}: {made.failed} of {made.answers.asked:,} fail"
    return "; ".join([f"{said}{made.answers.times}", *errors[:_SHOWN_ERRORS], *more])


def _ratio(by_kind: Mapping[Kind, Found]) -> str:
    times = _times(by_kind)
    return "" if times is None else f"{times:.1f}"


def _times(by_kind: Mapping[Kind, Found]) -> float | None:
    """How many times as long an edit takes to be visible; None when one was not measured."""
    if OURS not in by_kind or STOCK not in by_kind:
        return None
    return by_kind[STOCK].visible / by_kind[OURS].visible


def _numbers(found: Found) -> dict[str, Any]:
    times = [each.visible for each in found.edits]
    return {
        "visible_seconds": {"median": found.visible, "min": min(times), "max": max(times)},
        "edits": [asdict(each) for each in found.edits],
        "requests": {**asdict(found.requests), "failed": found.requests.failed},
    }
