"""One workload at one location: its servers, and the values as they are measured."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.figures import Figure, Note, Unit, shorten
from bench.servers import Kind, Server, started
from bench.subjects import Subject


class Measurement:
    """Where a workload gets its servers from, and where it puts what it finds.

    Args:
        subject: the location that is served.
        kinds: the servers.
        quick: do only enough to see that it works.

    Attributes:
        notes: what was found, in words.
    """

    def __init__(self, subject: Subject, kinds: Sequence[Kind], *, quick: bool = False) -> None:
        self.subject = subject
        self.kinds = kinds
        self.quick = quick
        self.notes: list[Note] = []
        self._values: dict[tuple[str, str, Unit, bool], list[float]] = {}

    def times(self, full: int, quick: int = 1) -> int:
        """How often something is done."""
        return quick if self.quick else full

    def add(
        self, name: str, server: str, unit: Unit, *values: float, more_is_better: bool = False
    ) -> None:
        """Note values of a figure; see `Figure` for the rest."""
        if values:
            self._values.setdefault((name, server, unit, more_is_better), []).extend(values)

    def note(self, event: str, server: Server, text: str) -> None:
        """Note what became of a server when something happened to it; standard error says so."""
        print(f"{event}: {server.kind.label}: {text}", file=sys.stderr, flush=True)
        self.notes.append(Note(event, server.key, text))

    @property
    def figures(self) -> Sequence[Figure]:
        """One for each name and server that has a value."""
        return [
            Figure(name, self.subject.name, server, unit, tuple(values), more_is_better)
            for (name, server, unit, more_is_better), values in self._values.items()
        ]

    @contextmanager
    def serving(self, kinds: Sequence[Kind] | None = None) -> Iterator[list[Server]]:
        """Servers that have loaded the location, side by side, each with default options."""
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
        """Go on when a server cannot do something: standard error says so, and no more."""
        try:
            yield
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            said = shorten(str(error) or type(error).__name__)
            place = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
            text = f"{server.kind.label} fails: {what}: {said} ({place})"
            print(text, file=sys.stderr, flush=True)
