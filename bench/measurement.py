"""One workload at one location: its servers and its measured values."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.results import Figure, Note, Unit, shorten
from bench.servers import Kind, Server, started
from bench.subjects import Subject


class Measurement:
    """Starts the servers of a workload for one location, and collects its results.

    A quick measurement does only enough to see that the workload works.
    """

    def __init__(self, subject: Subject, kinds: Sequence[Kind], *, quick: bool = False) -> None:
        self.subject = subject
        self.kinds = kinds
        self.quick = quick
        self.notes: list[Note] = []
        self._values: dict[tuple[str, str, Unit, bool], list[float]] = {}

    def times(self, full: int, quick: int = 1) -> int:
        """The number of repetitions: `full`, or `quick` in a quick run."""
        return quick if self.quick else full

    def add(
        self, name: str, server: str, unit: Unit, *values: float, more_is_better: bool = False
    ) -> None:
        """Add values to a figure; see `Figure` for the arguments."""
        if values:
            self._values.setdefault((name, server, unit, more_is_better), []).extend(values)

    def note(self, event: str, server: Server, text: str) -> None:
        """Note the effect of an event on a server, and print it on standard error."""
        print(f"{event}: {server.kind.label}: {text}", file=sys.stderr, flush=True)
        self.notes.append(Note(event, server.key, text))

    @property
    def figures(self) -> Sequence[Figure]:
        """The figures, one for each name and server with a value."""
        return [
            Figure(name, self.subject.name, server, unit, tuple(values), more_is_better)
            for (name, server, unit, more_is_better), values in self._values.items()
        ]

    @contextmanager
    def serving(self, kinds: Sequence[Kind] | None = None) -> Iterator[list[Server]]:
        """Servers that run side by side and have loaded the location, with default options."""
        with ExitStack() as stack:
            servers = [
                stack.enter_context(started(kind, self.subject.place))
                for kind in (self.kinds if kinds is None else kinds)
            ]
            for server in servers:
                server.wait_until_loaded()
            yield servers

    @contextmanager
    def tolerated(self, server: Server, what: str) -> Iterator[None]:
        """Go on if a server refuses something, and print that on standard error."""
        try:
            yield
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            said = shorten(str(error) or type(error).__name__)
            place = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
            text = f"{server.kind.label} fails: {what}: {said} ({place})"
            print(text, file=sys.stderr, flush=True)
