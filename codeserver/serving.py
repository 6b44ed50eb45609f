"""The value that a code location serves, and its changes. Pure: no I/O, no clock, no processes.

Clients are answered from a generation, that is one load of the code, or from the error of a load.
The process with the code of a generation may be missing. Answers that need no user code go on
meanwhile, and everybody else waits until the code is loaded again.
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
    """Why there is no process with the code."""

    RESTORED = "a file has described the code, which is loaded for the first time"
    UNLOADED = "it was ended, as nothing needed it, or for the next load"
    DIED = "it has ended by itself"


@dataclass(frozen=True)
class Nothing:
    """The first load has not ended.

    Attributes:
        generation: the code that clients are answered from; none here.
        failure: of the newest load; none here.
    """

    generation: None = None
    failure: None = None


@dataclass(frozen=True)
class Broken(Generic[F]):
    """Clients are shown the failure of the newest load."""

    failure: F
    generation: None = None


@dataclass(frozen=True)
class Live(Generic[G, F]):
    """The process with the code lives; the newest load may have failed and left it."""

    generation: G
    failure: F | None = None


@dataclass(frozen=True)
class Hollow(Generic[G, F]):
    """There is no process with the code.

    Attributes:
        generation: the code that clients are answered from.
        why: there is none.
        since: seconds since the epoch.
        failure: of the newest load, if that has failed and left this.
    """

    generation: G
    why: Absence
    since: float
    failure: F | None = None


Served = Nothing | Broken[F] | Live[G, F] | Hollow[G, F]


class Outcome(str, Enum):
    """The consequence of a load that has failed, in words for the log."""

    KEPT = "the code loaded before is served on"
    LOST = "and the process with the code loaded before is lost; it is tried again"
    UNLOADED = "and the code loaded before was unloaded; it is tried again"
    EXITS = "the server exits"
    SHOWN = "the error is served"


@dataclass(frozen=True)
class Policy:
    """The operator's wishes for loads that fail.

    Attributes:
        shows_errors: show the error of a reload instead of serving the code from before.
        exits: end the server when the first load fails.
    """

    shows_errors: bool = False
    exits: bool = False


@dataclass(frozen=True)
class Step(Generic[F, G]):
    """The change that a failed load makes.

    Attributes:
        served: the next value.
        event: for the state of the location.
        outcome: for the log.
    """

    served: Served[F, G]
    event: Event
    outcome: Outcome


def after_failure(
    served: Served[F, G], failure: F, policy: Policy, *, is_of_code: bool, is_first: bool
) -> Step[F, G]:
    """The consequence of a load that has failed.

    Args:
        served: the value until now.
        failure: of the load.
        policy: the operator's wishes.
        is_of_code: whether the code is to blame, and not that there was no process to load it.
        is_first: whether it was the first load.
    """
    shows = policy.shows_errors and is_of_code
    if isinstance(served, Live) and not shows:
        return Step(replace(served, failure=failure), Event.KEPT, Outcome.KEPT)
    # A restored generation is good for nothing without the code.
    if isinstance(served, Hollow) and served.why is not Absence.RESTORED and not shows:
        outcome = Outcome.LOST if served.why is Absence.DIED else Outcome.UNLOADED
        return Step(replace(served, failure=failure), Event.LOST, outcome)
    outcome = Outcome.EXITS if is_first and policy.exits else Outcome.SHOWN
    return Step(Broken(failure), Event.FAILED, outcome)
