"""One reason why two imports of the user's code are not the same."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 20
"""Findings that are worth telling people about."""


@dataclass(frozen=True)
class Finding:
    """Something that an import of the user's code does or makes anew each time.

    Attributes:
        module: name of the module, for example `repo`.
        file: its file; empty when there is none.
        line: 0 when it is not known.
        name: what has that value in the module, for example `STARTED`; empty when not known.
        reason: a verb and what follows it, for example `reads the clock (datetime.now)`.
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
    """One for each place, in the order of the places; of several, the first one counts."""
    places: dict[tuple[str, int, str], Finding] = {}
    for finding in findings:
        places.setdefault((finding.file, finding.line, finding.name), finding)
    ordered = sorted(places.values(), key=lambda each: (each.file, each.line, each.name))
    return ordered[:MOST]
