"""The process of one step, forked from a step template.

It does what a process does that `multiprocessing` has spawned (`multiprocessing.spawn.spawn_main`),
but has Dagster imported already, and in a warm run also the user's code.
"""

from __future__ import annotations

import io
import pickle
import threading
import traceback
from collections.abc import Sequence
from functools import partial
from multiprocessing import resource_tracker, spawn
from typing import Any

from codeserver.messages import Step
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.loading.bytecode import see_files_as_they_are
from codeserver.worker.loading.surroundings import set_variables, take_on_time_zone
from codeserver.worker.process import basics, unwritten
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.forking import Main
from codeserver.worker.process.leaving import leave
from codeserver.worker.process.originals import os, signal

_inherited: list[int] = []


class Inherited:
    """A descriptor of the run, as it travels in a pickled object (`multiprocessing.reduction`).

    Args:
        place: its place among the descriptors that were sent with the step.
    """

    def __init__(self, place: int) -> None:
        self._place = place

    def detach(self) -> int:
        """The descriptor in this process."""
        return _inherited[self._place]


def start(channel: Channel, fds: Sequence[int]) -> Main:
    """Execute a step by order of the run.

    Args:
        channel: to the run. The step sends nothing: the end of the channel is its end.
        fds: one to the run's tracker of named resources, and those that `Inherited` refers to.
    """
    shared: Any = resource_tracker._resource_tracker
    shared._fd, *_inherited[:] = fds
    return partial(_execute, channel)


def _execute(channel: Channel) -> Main:
    threads = {*threading.enumerate()} - {threading.current_thread()}
    order = channel.expect(Step)
    if order is None:
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    basics.unblock_signals()
    see_files_as_they_are()
    set_variables(order.environment)
    take_on_time_zone()
    dagster.watch_logs_cheaply()
    # Threads that the user's modules start belong to the code, not to this step.
    dagster.call_when_loaded(lambda: threads.update(threading.enumerate()))
    try:
        code = _bootstrap(order.body, channel.fileno())
    except BaseException:
        traceback.print_exc()
        code = 1
    return partial(leave, code, threads, unwritten.finish, basics.flush)


def _bootstrap(body: bytes, sentinel: int) -> int:
    """Do the work of the process that the run has pickled; returns the exit code."""
    pickles = io.BytesIO(body)
    spawn.prepare(pickle.load(pickles))
    process = pickle.load(pickles)
    return int(process._bootstrap(parent_sentinel=sentinel))
