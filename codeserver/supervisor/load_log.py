"""What the log says about a load."""

from __future__ import annotations

import logging
from enum import Enum

from codeserver.supervisor.generation import LoadFailure, describe_counts
from codeserver.supervisor.host import Host

_log = logging.getLogger("codeserver")


class Outcome(str, Enum):
    """What becomes of a load that has failed."""

    KEPT = "the code loaded before is served on"
    LOST = "and the process with the code loaded before is lost; it is tried again"
    EXITS = "the server exits"
    SERVED = "the error is served"


def log_loaded(number: int, host: Host, target: str, served_on: str, seconds: float) -> None:
    """Say in one line what is served, where, and what loading it took; and why it is not forked.

    Args:
        number: of the load.
        host: what has loaded it.
        target: what was loaded.
        served_on: the addresses.
        seconds: how long it took altogether.
    """
    snapshot = host.snapshot
    phases = ", ".join(f"{name} {value:.2f}" for name, value in snapshot.seconds.items())
    _log.info(
        "load #%d: serving %s on %s after %.2f s (%s): %s",
        *(number, target, served_on, seconds, phases, describe_counts(snapshot.counts)),
    )
    if host.isolation == "spawn":
        _log.info(
            "evaluators and runs are not forked but load the code themselves: %s",
            "; ".join(host.reasons),
        )


def log_failed(number: int, failure: LoadFailure, target: str, outcome: Outcome) -> None:
    """Say what is wrong with the code, and what is served now."""
    _log.error("load #%d of %s failed, %s\n%s", number, target, outcome.value, failure.text)
