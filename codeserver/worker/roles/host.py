"""The host: loads one generation of the user's code, and forks the processes that use it.

If its forks cannot be trusted, it forks nothing: it describes the code to the front itself and then
is the first evaluator. Further evaluators and runs load the code themselves
(`codeserver.worker.roles.evaluator`).
"""

from __future__ import annotations

import gc
from functools import partial

from codeserver.messages import Loaded
from codeserver.used import Used
from codeserver.worker.describing import snapshots
from codeserver.worker.loading.location import Location
from codeserver.worker.loading.ordered import load_as_ordered
from codeserver.worker.loading.surroundings import lost_threads, surroundings
from codeserver.worker.process import basics, unwritten
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.fork_safety import reasons_not_to_fork
from codeserver.worker.process.forking import ForkLoop, Main, Role
from codeserver.worker.process.preparing import prepare_instance
from codeserver.worker.roles import caretaker, evaluator, rehearsing, run
from codeserver.worker.roles.template import installed


def serve(channel: Channel) -> Main | int:
    """Load the code by order of the front, report the result, and then fork on demand."""
    descriptors, threads = basics.open_descriptors(), basics.threads()
    location = load_as_ordered(channel, tells=True)
    if location is None:
        return 1
    forks, reasons = _may_fork(location, descriptors, threads)
    packages = installed()
    used = Used(location.footprint.facts, packages.folders)
    channel.send(
        Loaded(
            seconds=location.seconds,
            isolation="fork" if forks else "spawn",
            reasons=reasons,
            lost_threads=lost_threads(),
            surroundings=surroundings(),
            repositories=location.serialized_reconstructables,
            run_wishes=location.run_wishes,
            footprint=location.footprint.facts,
            installed=packages,
            libraries=snapshots.library_versions(),
            imports=location.imports,
        )
    )
    if not forks:
        if not snapshots.describe(channel, location):
            return 1
        prepare_instance()
        basics.prefer_as_victim("evaluator")
        return partial(evaluator.serve, channel, location, has_loaded=True)
    unwritten.settle()
    gc.collect()
    gc.freeze()
    return ForkLoop(channel, _roles(location, used), prepare_instance).run() or 0


def _may_fork(
    location: Location, own_descriptors: set[int], own_threads: set[int]
) -> tuple[bool, list[str]]:
    """Whether evaluators and runs are forked from this process, with the reasons."""
    wish = location.order.isolation
    if wish != "auto":
        return wish == "fork", [f"--isolation {wish}"]
    reasons = reasons_not_to_fork(own_descriptors, own_threads)
    return not reasons, reasons


def _roles(location: Location, used: Used) -> dict[str, Role]:
    return {
        "caretaker": Role(
            lambda channel, _: partial(caretaker.record_end, channel), outlives_parent=True
        ),
        "evaluator": Role(
            lambda channel, _: partial(evaluator.serve, channel, location), writes_in_turn=True
        ),
        "snapshots": Role(
            lambda channel, _: partial(snapshots.build, channel, location), writes_in_turn=True
        ),
        "values": Role(lambda channel, _: partial(rehearsing.tell_values, channel)),
        "run": Role(
            lambda channel, readers: partial(
                run.execute, channel, readers, location.reconstructables, used
            ),
            outlives_parent=True,
        ),
    }
