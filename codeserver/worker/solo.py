"""Evaluators and runs that import the user's code themselves.

They are forked from the template or the forkserver, which have never seen that code. That is as
good as a new interpreter, without the time that importing Dagster takes. Evaluators do so when
their host cannot be trusted to fork (`codeserver.worker.fork_safety`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from codeserver.messages import LoadedAgain, Reimport
from codeserver.worker import dagster_internals as dagster
from codeserver.worker import evaluator, run
from codeserver.worker.bytecode import see_files_as_they_are
from codeserver.worker.channel import Channel
from codeserver.worker.forking import Main
from codeserver.worker.loading import load_as_ordered
from codeserver.worker.surroundings import take_on


def evaluate(channel: Channel) -> Main | int:
    """Load the code as ordered, then answer requests."""
    location = load_as_ordered(channel)
    if location is None:
        return 1
    if not _report(channel):
        return 0
    return partial(evaluator.serve, channel, location, has_loaded=True)


def execute(channel: Channel, readers: Sequence[int]) -> Main | int:
    """Execute a run, in the surroundings that the first message has.

    The code is imported where stock's process of a run does it, so its errors are those of the run.
    """
    order = channel.expect(Reimport)
    if order is None:
        return 0
    see_files_as_they_are()
    take_on(order.surroundings)
    repositories = {
        name: dagster.deserialize_value(text, dagster.ReconstructableRepository)
        for name, text in order.repositories.items()
    }
    return partial(run.execute, channel, readers, repositories)


def _report(channel: Channel) -> bool:
    """Say that the code is loaded; returns whether anybody still waits for that."""
    try:
        channel.send(LoadedAgain())
    except OSError:
        return False
    return True
