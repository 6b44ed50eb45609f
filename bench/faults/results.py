"""What a scenario finds out about a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.faults.servers import Server

_LONGEST = 160


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


def shorten(text: str, longest: int = _LONGEST) -> str:
    """The beginning of it, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def seconds(value: float) -> str:
    """A duration, for people."""
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.1f} s"


def megabytes(value: float) -> str:
    """A size, for people."""
    return f"{value / 1e6:.0f} MB"
