"""The value that a code location serves, and its changes. Pure: no I/O, no clock, no processes.

A location serves a generation, which is the result of one load, or the error of a load. The process
with the code of a generation may be missing. Meanwhile, requests that need no user code are
answered, and other requests wait until the code is loaded again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Generic, TypeVar

from codeserver.lifecycle import Event

G = TypeVar("G")
"""A generation."""
F = TypeVar("F")
"""The failure of a load."""


class Absence(Enum):
    """The reason for a missing process with the code."""

    RESTORED = "a file has described the code, which is loaded for the first time"
    UNLOADED = "it was ended, as nothing needed it, or for the next load"
    DIED = "it has ended by itself"


@dataclass(frozen=True)
class Nothing:
    """The first load has not ended.

    Attributes:
        generation: always None.
        failure: always None.
    """

    generation: None = None
    failure: None = None


@dataclass(frozen=True)
class Broken(Generic[F]):
    """The failure of the newest load is served."""

    failure: F
    generation: None = None


@dataclass(frozen=True)
class Live(Generic[G, F]):
    """The process with the code is alive.

    Attributes:
        generation: the generation that is served.
        failure: of the newest load, if it failed and this generation was kept.
    """

    generation: G
    failure: F | None = None


@dataclass(frozen=True)
class Hollow(Generic[G, F]):
    """There is no process with the code.

    Attributes:
        generation: the generation that is served.
        why: the reason for the missing process.
        since: seconds since the epoch at which the process went away, or at which the file with a
            restored generation was made.
        failure: of the newest load, if it failed and this generation was kept.
    """

    generation: G
    why: Absence
    since: float
    failure: F | None = None


Served = Nothing | Broken[F] | Live[G, F] | Hollow[G, F]


class Outcome(str, Enum):
    """The consequence of a failed load, in words for the log."""

    KEPT = "the code loaded before is served on"
    LOST = "and the process with the code loaded before is lost; it is tried again"
    UNLOADED = "and the code loaded before was unloaded; it is tried again"
    EXITS = "the server exits"
    SHOWN = "the error is served"


@dataclass(frozen=True)
class Policy:
    """The operator's policy for failed loads.

    Attributes:
        shows_errors: serve the error of a failed reload instead of the previous code.
        exits: end the server when the first load fails.
    """

    shows_errors: bool = False
    exits: bool = False


@dataclass(frozen=True)
class Step(Generic[F, G]):
    """The change after a failed load.

    Attributes:
        served: the next value.
        event: for the state machine of the location.
        outcome: for the log.
    """

    served: Served[F, G]
    event: Event
    outcome: Outcome


def after_failure(
    served: Served[F, G], failure: F, policy: Policy, *, is_of_code: bool, is_first: bool
) -> Step[F, G]:
    """The change after a failed load.

    Args:
        served: the current value.
        failure: the failure of the load.
        policy: the operator's policy.
        is_of_code: whether the user's code caused the failure, not a missing process.
        is_first: whether it was the first load.
    """
    shows = policy.shows_errors and is_of_code
    if isinstance(served, Live) and not shows:
        return Step(replace(served, failure=failure), Event.KEPT, Outcome.KEPT)
    # A restored generation is useless without the code.
    if isinstance(served, Hollow) and served.why is not Absence.RESTORED and not shows:
        outcome = Outcome.LOST if served.why is Absence.DIED else Outcome.UNLOADED
        return Step(replace(served, failure=failure), Event.LOST, outcome)
    outcome = Outcome.EXITS if is_first and policy.exits else Outcome.SHOWN
    return Step(Broken(failure), Event.FAILED, outcome)
