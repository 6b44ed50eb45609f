"""The counts and measurements of a soak, to which several threads add."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from bench.soak.census import Sample
from bench.soak.outcomes import Outcome


@dataclass(frozen=True)
class Unexpected:
    """An unexpected outcome of an operation.

    Attributes:
        at: seconds since the soak began.
        operation: name of the operation.
        outcome: its outcome.
        seconds: its duration.
    """

    at: float
    operation: str
    outcome: Outcome
    seconds: float


@dataclass
class Disruption:
    """A killed process, and the time until a tick was answered again.

    Attributes:
        role: role of the process.
        begin: the time of the kill, on the monotonic clock.
        end: the time after which it no longer excuses a failure; None while it does.
        recovery: seconds until a tick was answered; None if none was.
    """

    role: str
    begin: float
    end: float | None = None
    recovery: float | None = None


@dataclass
class Tally:
    """The results of a soak.

    Attributes:
        counts: numbers of outcomes, by operation and name of the outcome.
        unexpected: the unexpected outcomes.
        seconds: durations of control calls, by RPC.
        longest: the longest duration in seconds, by operation.
        samples: samples of the processes; `marks` are those with names.
        disruptions: the killed processes.
        problems: the faults found at the end.
        exit_code: exit code of the server after SIGTERM.
        elapsed: seconds from the first operation to the end of the last.
        log: the end of the server's output.
    """

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unexpected: list[Unexpected] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    samples: list[Sample] = field(default_factory=list)
    marks: dict[str, Sample] = field(default_factory=dict)
    disruptions: list[Disruption] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    exit_code: int | None = None
    elapsed: float = 0.0
    log: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_good(self) -> bool:
        """Whether the soak has neither unexpected outcomes nor problems."""
        return not self.unexpected and not self.problems

    @property
    def operations(self) -> int:
        """The number of operations that have ended."""
        return sum(sum(counts.values()) for counts in self.counts.values())

    def count(self, operation: str, verdict: str, seconds: float = 0.0) -> None:
        """Count an outcome of an operation."""
        with self._lock:
            self.counts[operation][verdict] += 1
            self.longest[operation] = max(self.longest[operation], seconds)

    def add_unexpected(self, unexpected: Unexpected) -> None:
        """Count and keep an unexpected outcome."""
        self.count(unexpected.operation, "UNEXPECTED", unexpected.seconds)
        with self._lock:
            self.unexpected.append(unexpected)

    def measured(self, rpc: str, seconds: float) -> None:
        """Add the duration of a control call."""
        with self._lock:
            self.seconds[rpc].append(seconds)

    def disrupt(self, disruption: Disruption) -> Disruption:
        """Add a process that is about to be killed."""
        with self._lock:
            self.disruptions.append(disruption)
        return disruption

    def was_disrupted(self, begin: float, end: float) -> bool:
        """Whether a disruption was in effect at some time between these two."""
        with self._lock:
            return any(
                each.begin <= end and (each.end is None or begin <= each.end)
                for each in self.disruptions
            )
