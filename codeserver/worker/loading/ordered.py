"""Load the user's code by order of the front, and report an error."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from functools import partial

from codeserver.marks import Mark
from codeserver.messages import Load, Uses
from codeserver.worker.failures import report
from codeserver.worker.loading import loggers
from codeserver.worker.loading.bytecode import see_files_as_they_are
from codeserver.worker.loading.footprint import Footprint
from codeserver.worker.loading.import_path import keep_working_directory
from codeserver.worker.loading.import_times import ImportTimes
from codeserver.worker.loading.location import Location, load
from codeserver.worker.loading.taken import is_for_what_is_taken
from codeserver.worker.loading.whereabouts import shown
from codeserver.worker.process import basics
from codeserver.worker.process.channel import Channel


def load_as_ordered(channel: Channel, *, tells: bool = False) -> Location | None:
    """Receive an order, load the code, and report an error if the load fails.

    Args:
        channel: to the front.
        tells: report each source to the front before its import.

    Returns:
        None if the load has failed or the front is gone.
    """
    received = channel.receive_with_fds()
    if received is None:
        return None
    told, fds = received
    assert isinstance(told, Load)
    order = told.order
    see_files_as_they_are()
    footprint = None
    times = ImportTimes()
    try:
        _enter(order.directory)
        footprint = Footprint(order.directory, partial(_tell, channel) if tells else None)
        if order.target["python_file"]:
            footprint.expect(order.target["python_file"])
        footprint.expect(".env")  # Dagster opens it only if it exists
        footprint.record()
        loggers.add(order)
        if order.profile_imports:
            times.begin()
        keep_working_directory()
        with basics.no_garbage_collection(), shown(fds):
            location = load(order)
        footprint.close()
        location.footprint = footprint
        location.imports = times.slowest
        return location
    except BaseException as failure:
        # BaseException: a module that calls sys.exit() has failed to load, too.
        # Reset signals: Dagster's handlers raise, and the front may end this process at any moment.
        basics.reset_signals()
        error = report(failure)
        if footprint is not None:
            footprint.close()
            error = replace(error, footprint=footprint.facts)
        error = replace(error, is_taken=is_for_what_is_taken(failure), imports=times.slowest)
        with contextlib.suppress(OSError):  # the front may have given up on this load
            channel.send(error)
        basics.flush()
        return None
    finally:
        times.end()


def _tell(channel: Channel, path: str, found: Mark | None) -> None:
    with contextlib.suppress(OSError):  # the front may have given up on this load
        channel.send(Uses({path: found}))


def _enter(directory: str | None) -> None:
    """Enter the directory that has this name now: it may have been replaced since the start."""
    if directory is not None:
        with contextlib.suppress(OSError):
            os.chdir(directory)
