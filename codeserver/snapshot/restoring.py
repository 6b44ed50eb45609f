"""Serves a snapshot if it fits the code that is about to be loaded."""

from __future__ import annotations

import asyncio
import logging
from itertools import islice

from codeserver.config import Config
from codeserver.letters import printable
from codeserver.snapshot import baked, file, fingerprint, v1
from codeserver.snapshot.file import UnusableSnapshot
from codeserver.supervisor.loading.host_maker import load_order
from codeserver.supervisor.location import Location
from codeserver.target import Target, current_directory

_log = logging.getLogger("codeserver")

_MOST_REASONS = 3


async def restore(location: Location, config: Config, target: Target) -> None:
    """Let the location serve the snapshot of `--snapshot` before its first load, if it fits.

    If it does not fit, the log says why, and the location stays unchanged.
    """
    assert config.snapshot is not None
    try:
        message = await asyncio.to_thread(read_matching, config.snapshot, config, target)
        order = load_order(config, target, current_directory(), config.defs_state_info)
        absent, created_at = baked.from_message(message, order)
    except UnusableSnapshot as error:
        _log.warning("the snapshot %s is not used: %s", config.snapshot, printable(str(error)))
        return
    location.restore(absent, created_at)


def read_matching(path: str, config: Config, target: Target) -> v1.LocationSnapshot:
    """The snapshot in the file; an `UnusableSnapshot` with the differences if it does not fit."""
    message = file.read(path)
    then = message.fingerprint
    now = fingerprint.take(config, target, then.files, then.directories)
    reasons = list(fingerprint.differences(then, now))
    if reasons:
        more = len(reasons) - _MOST_REASONS
        said = [*islice(reasons, _MOST_REASONS), *([f"and {more} more"] if more > 0 else [])]
        raise UnusableSnapshot("; ".join(said))
    return message
