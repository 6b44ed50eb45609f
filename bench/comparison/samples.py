"""Values as they are measured, server by server, until figures are made of them."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.comparison.figures import Figure, Unit
from bench.servers import Kind, Server
from bench.wording import shorten


@dataclass
class Samples:
    """What was measured so far at one location.

    Args:
        location: name of the location.
    """

    location: str
    _values: dict[tuple[str, str, Unit, bool], list[float]] = field(default_factory=dict)

    def add(
        self, name: str, kind: Kind, unit: Unit, *values: float, more_is_better: bool = False
    ) -> None:
        """Note values of a figure; see `Figure` for the rest."""
        if values:
            self._values.setdefault((name, kind.key, unit, more_is_better), []).extend(values)

    def figures(self) -> Iterator[Figure]:
        """One for each name and server that has a value."""
        for (name, server, unit, more_is_better), values in self._values.items():
            yield Figure(name, self.location, server, unit, tuple(values), more_is_better)


@contextmanager
def tolerated(server: Server, what: str) -> Iterator[None]:
    """Go on when a server cannot do something: an error is said on standard error, and no more."""
    try:
        yield
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = shorten(str(error) or type(error).__name__)
        place = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
        print(f"{server.kind.label} fails: {what}: {said} ({place})", file=sys.stderr, flush=True)
