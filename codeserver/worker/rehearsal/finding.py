"""A reason why two imports of the user's code may differ."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 20
"""Maximum number of findings to report."""


@dataclass(frozen=True)
class Finding:
    """An action or value that may differ with each import of the user's code.

    Attributes:
        module: name of the module, for example `repo`.
        file: path of the module; empty if it has none.
        line: number of the line; 0 if unknown.
        name: name of the value in the module, for example `STARTED`; empty if unknown.
        reason: a verb phrase, for example `reads the clock (datetime.now)`.
    """

    module: str
    file: str
    line: int
    name: str
    reason: str

    def __str__(self) -> str:
        place = os.path.basename(self.file) or self.module
        if self.line:
            place = f"{place} line {self.line}"
        return f"{place}: {self.name} {self.reason}" if self.name else f"{place}: {self.reason}"


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The first finding of each place, in the order of the places; at most `MOST`."""
    places: dict[tuple[str, int, str], Finding] = {}
    for finding in findings:
        places.setdefault((finding.file, finding.line, finding.name), finding)
    ordered = sorted(places.values(), key=lambda each: (each.file, each.line, each.name))
    return ordered[:MOST]
