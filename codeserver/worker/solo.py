"""Evaluators and runs that load the code themselves.

That is for code whose host cannot be trusted to fork (`codeserver.worker.fork_safety`). They are
forked from the forkserver, which has never seen user code: that is as good as a new interpreter,
without the time that importing Dagster takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from codeserver.worker import evaluator, run
from codeserver.worker.channel import Channel
from codeserver.worker.forking import Role
from codeserver.worker.loading import load_as_ordered


def evaluate(channel: Channel) -> Role | int:
    """Load what the first frame orders, then answer requests."""
    location = load_as_ordered(channel, may_record=True)
    if location is None:
        return 1
    if not _report(channel):
        return 0
    return partial(evaluator.serve, channel, location, has_loaded=True)


def execute(channel: Channel, readers: Sequence[int]) -> Role | int:
    """Load what the first frame orders, then execute the run that the second one names."""
    location = load_as_ordered(channel)
    if location is None:
        return 1
    if not _report(channel):
        return 0
    return partial(run.execute, channel, readers, location)


def _report(channel: Channel) -> bool:
    """Say that the code is loaded; returns whether anybody still waits for that."""
    try:
        channel.send({"kind": "loaded"})
    except OSError:
        return False
    return True
