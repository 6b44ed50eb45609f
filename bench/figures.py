"""What a measurement has found: numbers, and words where a number says too little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median


class Unit(str, Enum):
    """What a number counts; its value is how it is written."""

    SECONDS = "s"
    BYTES = "B"
    PER_SECOND = "/s"
    CALLS = "calls"
    PERCENT = "%"
    """Of one core."""
    SHARE = "% of calls"
    PROCESSES = "processes"


@dataclass(frozen=True)
class Figure:
    """One thing about one server that serves one location.

    Attributes:
        name: what was measured, the same for every server and location, such as
            "time to first location load".
        location: name of the location that was served: "example", "100", "1000" or "5000" assets.
        server: key of a `bench.servers.Kind`, or of a variant that the workload names.
        unit: of the samples.
        samples: every measured value, or the one value that was made of many; never empty.
        more_is_better: whether large values are good ones.
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
    """What became of one server when something happened to it.

    Attributes:
        event: what has happened.
        server: key of the server.
        text: what became of it, in a line.
    """

    event: str
    server: str
    text: str


def shorten(text: str, longest: int = 160) -> str:
    """The beginning of it, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
