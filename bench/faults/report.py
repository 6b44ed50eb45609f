"""The results as tables, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.faults.results import Result, Scenario
from bench.report import Table
from bench.servers import Kind

Results = Mapping[Scenario, Mapping[Kind, Result]]
"""By scenario, then by server."""


def details(results: Results, kinds: Sequence[Kind]) -> Iterator[Table]:
    """Everything that a user sees: a table a scenario."""
    for scenario, by_kind in results.items():
        labels = dict.fromkeys(label for result in by_kind.values() for label in result.details)
        yield Table(
            title=scenario.title,
            columns=["", *(kind.label for kind in kinds)],
            rows=[
                [label, *(by_kind[kind].details.get(label, "") for kind in kinds)]
                for label in labels
            ],
            how=scenario.how,
        )


def summary(results: Results, kinds: Sequence[Kind]) -> Table:
    """One row a scenario."""
    return Table(
        title="",
        columns=["what happens", *(f"`{kind.label}`" for kind in kinds)],
        rows=[
            [scenario.title, *(by_kind[kind].summary for kind in kinds)]
            for scenario, by_kind in results.items()
        ],
    )


def as_json(results: Results, machine: dict[str, str]) -> str:
    """All numbers."""
    found: dict[str, Any] = {
        scenario.name: {
            "title": scenario.title,
            "how": scenario.how,
            "servers": {kind.key: asdict(result) for kind, result in by_kind.items()},
        }
        for scenario, by_kind in results.items()
    }
    return json.dumps({"machine": machine, "scenarios": found}, indent=2) + "\n"
