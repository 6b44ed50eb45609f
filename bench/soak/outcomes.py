"""What became of an operation, and whether that was to be expected. Pure."""

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
"""What is said to those whose process has died with the one that was killed."""


@dataclass(frozen=True)
class Outcome:
    """What became of one operation.

    Attributes:
        kind: one of the above, or the name of a gRPC status.
        text: what was said.
    """

    kind: str
    text: str = ""


@dataclass(frozen=True)
class Expected:
    """An outcome that an operation may have.

    Attributes:
        kind: of the outcome.
        pattern: what is said, somewhere in the text.
        name: what the report calls it.
    """

    kind: str
    pattern: str = ""
    name: str = ""

    def allows(self, outcome: Outcome) -> bool:
        """Whether this is that outcome."""
        return outcome.kind == self.kind and re.search(self.pattern, outcome.text) is not None


def verdict(
    outcome: Outcome, expected: Sequence[Expected], *, may_wait: bool, after_a_kill: bool
) -> str | None:
    """What the report counts this outcome as; None when it was not to be expected.

    Args:
        outcome: what became of the operation.
        expected: what may become of it.
        may_wait: it needs a process of which there are only so many, so it may be refused.
        after_a_kill: it needs a process, and some were killed while it went on.
    """
    for each in expected:
        if each.allows(outcome):
            return each.name or outcome.kind
    if may_wait and outcome.kind == OVERLOAD:
        return "overload"
    if after_a_kill and outcome.kind in (ERROR, REFUSED, "INTERNAL"):
        return "killed" if _AFTER_A_KILL.search(outcome.text) else None
    return None
