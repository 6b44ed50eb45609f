"""Outcomes of operations, and their comparison with the expected ones. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
        name: its name in the report.
    """

    kind: str
    pattern: str = ""
    name: str = ""

    def allows(self, outcome: Outcome) -> bool:
        """Whether the outcome matches this one."""
        return outcome.kind == self.kind and re.search(self.pattern, outcome.text) is not None


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
        if each.allows(outcome):
            return each.name or outcome.kind
    if may_wait and outcome.kind == OVERLOAD:
        return "overload"
    if after_a_kill and outcome.kind in (ERROR, REFUSED, "INTERNAL"):
        return "killed" if _AFTER_A_KILL.search(outcome.text) else None
    return None
