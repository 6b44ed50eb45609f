"""Load the user's code as the front orders it, and report how that went."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Mapping

from codeserver.worker import process
from codeserver.worker.bytecode import distrust_recent_bytecode
from codeserver.worker.channel import Channel
from codeserver.worker.failures import report
from codeserver.worker.footprint import Footprint
from codeserver.worker.import_times import ImportTimes
from codeserver.worker.location import LoadOrder, Location, load
from codeserver.worker.whereabouts import shown


def load_as_ordered(channel: Channel, *, may_record: bool = False) -> Location | None:
    """Load what the first frame orders.

    The front is told `failed`, with the error, when that does not work.

    Args:
        channel: to the front.
        may_record: find out what the load uses, if the order says that it matters.

    Returns:
        None when there is nothing to go on with.
    """
    received = channel.receive_with_fds()
    if received is None:
        return None
    frame, fds = received
    distrust_recent_bytecode()
    # Directory listings that the forkserver has cached may be older than the user's files.
    importlib.invalidate_caches()
    footprint = None
    times = ImportTimes()
    try:
        order = LoadOrder(**json.loads(frame.body))
        _enter(order.directory)
        if may_record and order.watch:
            footprint = Footprint(order.directory)
            if order.target["python_file"]:
                footprint.expect(order.target["python_file"])
            footprint.expect(".env")  # Dagster looks whether it is there before it opens it
            footprint.record()
        order.add_loggers()
        if order.profile_imports:
            times.begin()
        with process.no_garbage_collection(), shown(fds):
            location = load(order)
        if footprint is not None:
            footprint.close()
            location.footprint = footprint
        location.imports = times.facts
        return location
    except BaseException as failure:
        # BaseException: a module that calls sys.exit() has failed to load, too.
        # Dagster's own handlers raise, and the front may end this process at any moment now.
        process.reset_signals()
        header, error = report(failure)
        if footprint is not None:
            footprint.close()
        header["footprint"] = footprint.facts if footprint else None
        header["imports"] = times.facts
        with contextlib.suppress(OSError):  # the front may have given up on this load
            channel.send(header, error)
        process.flush()
        return None
    finally:
        times.end()


def _enter(directory: str | None) -> None:
    """Be in the directory that has this name now: it may have been replaced since the start."""
    if directory is not None:
        with contextlib.suppress(OSError):
            os.chdir(directory)


def changed_variables(before: Mapping[str, str]) -> dict[str, str | None]:
    """The environment variables that are different now; None for one that is gone."""
    now = os.environ
    return {name: now.get(name) for name in {*before, *now} if before.get(name) != now.get(name)}
