"""Outcomes of operations with their comparison to the expected ones, and the counts of a soak."""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.soak.census import Sample

ANSWERED = "answered"
ERROR = "error"
OVERLOAD = "RESOURCE_EXHAUSTED"
CANCELLED = "CANCELLED"
TOO_LATE = "DEADLINE_EXCEEDED"
REFUSED = "refused"
WRONG = "wrong answer"

_AFTER_A_KILL = re.compile(
    r"was killed by signal 9 \(SIGKILL\)"
    r"|ended, and nobody saw how"
    r"|has closed its connection to the server"
    r"|The process that starts \w+ has ended"
    r"|No process for an? "
)
"""The errors of requests whose process ended because of a kill."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one operation.

    Attributes:
        kind: one of the kinds above, or the name of a gRPC status.
        text: the reply or the error in words.
    """

    kind: str
    text: str = ""


@dataclass(frozen=True)
class Expected:
    """An acceptable outcome of an operation.

    Attributes:
        kind: kind of the outcome.
        pattern: pattern to find in its text.
        name: its name in the report; the kind if empty.
    """

    kind: str
    pattern: str = ""
    name: str = ""


def verdict(
    outcome: Outcome, expected: Sequence[Expected], *, may_wait: bool, after_a_kill: bool
) -> str | None:
    """The name of this outcome in the report; None if it is unexpected.

    Args:
        outcome: the outcome of the operation.
        expected: the acceptable outcomes.
        may_wait: the operation needs a process from a limited number, so it may be refused.
        after_a_kill: the operation needs a process, and processes were killed during it.
    """
    for each in expected:
        if outcome.kind == each.kind and re.search(each.pattern, outcome.text):
            return each.name or each.kind
    if may_wait and outcome.kind == OVERLOAD:
        return "overload"
    if after_a_kill and outcome.kind in (ERROR, REFUSED, "INTERNAL"):
        return "killed" if _AFTER_A_KILL.search(outcome.text) else None
    return None


@dataclass(frozen=True)
class Unexpected:
    """An unexpected outcome: seconds since the start, operation, kind, text and duration."""

    at: float
    operation: str
    kind: str
    text: str
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
    """The results of a soak, to which several threads add.

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
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_good(self) -> bool:
        """Whether the soak has neither unexpected outcomes nor problems."""
        return not self.unexpected and not self.problems

    @property
    def operations(self) -> int:
        """The number of operations that have ended."""
        return sum(sum(counts.values()) for counts in self.counts.values())

    def was_disrupted(self, begin: float, end: float) -> bool:
        """Whether a disruption was in effect at some time between these two."""
        return any(
            each.begin <= end and (each.end is None or begin <= each.end)
            for each in list(self.disruptions)
        )
