"""What was counted and measured during a soak; threads add to it."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from bench.soak.census import Sample
from bench.soak.outcomes import Outcome


@dataclass(frozen=True)
class Unexpected:
    """Something that should not have come of an operation.

    Attributes:
        at: seconds since the soak began.
        operation: its name.
        outcome: what came of it.
        seconds: how long it took.
    """

    at: float
    operation: str
    outcome: Outcome
    seconds: float


@dataclass
class Disruption:
    """A process that was killed, and the time until user code was answered for again.

    Attributes:
        role: of the process.
        begin: seconds on a monotonic clock.
        end: from when on it is no excuse any more; None while it is one.
        recovery: seconds until a tick was answered; None when that did not happen.
    """

    role: str
    begin: float
    end: float | None = None
    recovery: float | None = None


@dataclass
class Tally:
    """Everything that was seen.

    Attributes:
        counts: by operation and by what came of it.
        unexpected: what should not have come of one.
        seconds: how long control calls took, by RPC.
        longest: the longest time that an operation took, by operation.
        samples: of the processes; of them, `marks` have names.
        disruptions: what was killed.
        problems: what was wrong at the end.
        exit_code: of the server, after SIGTERM.
        elapsed: seconds from the first operation to the end of the last.
        log: the end of what the server printed.
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
        """Whether everything was as it should be."""
        return not self.unexpected and not self.problems

    @property
    def operations(self) -> int:
        """How many came to an end."""
        return sum(sum(counts.values()) for counts in self.counts.values())

    def count(self, operation: str, verdict: str, seconds: float = 0.0) -> None:
        """Count what came of an operation."""
        with self._lock:
            self.counts[operation][verdict] += 1
            self.longest[operation] = max(self.longest[operation], seconds)

    def add_unexpected(self, unexpected: Unexpected) -> None:
        """Count and keep what should not have come of one."""
        self.count(unexpected.operation, "UNEXPECTED", unexpected.seconds)
        with self._lock:
            self.unexpected.append(unexpected)

    def measured(self, rpc: str, seconds: float) -> None:
        """Keep how long a control call took."""
        with self._lock:
            self.seconds[rpc].append(seconds)

    def disrupt(self, disruption: Disruption) -> Disruption:
        """Keep what is about to be killed."""
        with self._lock:
            self.disruptions.append(disruption)
        return disruption

    def was_disrupted(self, begin: float, end: float) -> bool:
        """Whether processes were killed, and not yet back, at some time between these two."""
        with self._lock:
            return any(
                each.begin <= end and (each.end is None or begin <= each.end)
                for each in self.disruptions
            )
