"""What a scenario finds out about a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.faults.server import Server
from bench.wording import one_line


@dataclass(frozen=True)
class Result:
    """What one server did in one scenario.

    Attributes:
        summary: the cell of a small table.
        details: what a user sees, in words, by what it is about.
        numbers: the same for programs.
    """

    summary: str
    details: Mapping[str, str]
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """Something that happens to a server.

    Attributes:
        name: for the command line.
        title: for people.
        measure: makes it happen to a server that is warm, and says what came of it; its docstring
            tells how each number is made.
    """

    name: str
    title: str
    measure: Callable[[Server], Result]

    @property
    def how(self) -> str:
        """How each number is made, on one line."""
        return one_line(self.measure.__doc__)
