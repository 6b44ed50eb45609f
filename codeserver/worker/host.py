"""A process that holds one generation of the user's code, loaded, and forks what uses it."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
from functools import partial

from codeserver.worker import caretaker, evaluator, process, run, snapshots
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.bytecode import distrust_recent_bytecode
from codeserver.worker.channel import Channel
from codeserver.worker.failures import current_error
from codeserver.worker.forking import ForkLoop, Kind, Role
from codeserver.worker.location import LoadOrder, Location, load


def serve(channel: Channel) -> Role | int:
    """Load what the first frame orders, report how it went, then fork on demand."""
    frame = channel.receive()
    if frame is None:
        return 0
    distrust_recent_bytecode()
    # Directory listings that the forkserver has cached may be older than the user's files.
    importlib.invalidate_caches()
    try:
        order = LoadOrder(**json.loads(frame.body))
        order.add_loggers()
        location = load(order)
    except BaseException:
        # BaseException: a module that calls sys.exit() has failed to load, too.
        # Dagster's own handlers raise, and the front may end this process at any moment now.
        process.reset_signals()
        error = current_error()
        body = dagster.serialize_value(error).encode()
        with contextlib.suppress(OSError):  # the front may have given up on this load
            channel.send({"kind": "failed", "text": error.to_string()}, body)
        return 1
    gc.collect()
    gc.freeze()
    channel.send({"kind": "loaded", "seconds": location.seconds})
    return ForkLoop(channel, _kinds(location)).run() or 0


def _kinds(location: Location) -> dict[str, Kind]:
    return {
        "caretaker": Kind(lambda channel: partial(caretaker.record_end, channel)),
        "evaluator": Kind(lambda channel: partial(evaluator.serve, channel, location)),
        "snapshots": Kind(lambda channel: partial(snapshots.build, channel, location)),
        "run": Kind(lambda channel: partial(run.execute, channel, location), outlives_parent=True),
    }
