"""Load the user's code as the front orders it, and report how that went."""

from __future__ import annotations

import contextlib
import importlib
import json
import os

from codeserver.worker import dagster_internals as dagster
from codeserver.worker import process
from codeserver.worker.bytecode import distrust_recent_bytecode
from codeserver.worker.channel import Channel
from codeserver.worker.failures import current_error
from codeserver.worker.location import LoadOrder, Location, load


def load_as_ordered(channel: Channel) -> Location | None:
    """Load what the first frame orders.

    The front is told `failed`, with the error, when that does not work.

    Returns:
        None when there is nothing to go on with.
    """
    frame = channel.receive()
    if frame is None:
        return None
    distrust_recent_bytecode()
    # Directory listings that the forkserver has cached may be older than the user's files.
    importlib.invalidate_caches()
    try:
        order = LoadOrder(**json.loads(frame.body))
        order.add_loggers()
        return load(order)
    except BaseException:
        # BaseException: a module that calls sys.exit() has failed to load, too.
        # Dagster's own handlers raise, and the front may end this process at any moment now.
        process.reset_signals()
        error = current_error()
        body = dagster.serialize_value(error).encode()
        with contextlib.suppress(OSError):  # the front may have given up on this load
            channel.send({"kind": "failed", "text": error.to_string()}, body)
        process.flush()
        return None


def changed_variables(before: dict[str, str]) -> dict[str, str | None]:
    """The environment variables that are different now; None for one that is gone."""
    now = os.environ
    return {name: now.get(name) for name in {*before, *now} if before.get(name) != now.get(name)}
