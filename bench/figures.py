"""The results of a measurement: figures, and notes for what a number cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median


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


@dataclass(frozen=True)
class Figure:
    """A measured quantity of one server at one location.

    Attributes:
        name: the quantity, the same for every server and location, such as
            "time to first location load".
        location: name of the location, such as "example" or, for 1,000 assets, "1000".
        server: key of a `bench.servers.Kind`, or of a variant that the workload names.
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
    """The effect of an event on one server.

    Attributes:
        event: the event.
        server: key of the server.
        text: the effect, in one line.
    """

    event: str
    server: str
    text: str


def shorten(text: str, longest: int = 160) -> str:
    """The text on one line, cut to a length."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
