"""Loads code and makes a snapshot of it."""

from __future__ import annotations

import asyncio

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.marks import mark
from codeserver.snapshot import baked, fingerprint, v1
from codeserver.supervisor.loading import host as hosts
from codeserver.supervisor.loading.host_maker import load_order
from codeserver.supervisor.loading.progress import Progress
from codeserver.supervisor.processes.forkserver import ForkServers, Spawning
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.spawning import Python
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.uses import Importing
from codeserver.target import Target, current_directory


async def take(config: Config, target: Target) -> v1.LocationSnapshot:
    """Load the code in processes that end afterwards, and make its snapshot.

    Raises:
        LoadFailed: the code does not load.
        OperatorError: the code has changed during the load.
        WorkerCrashed: the process for the load cannot be started, or has died.
    """
    tasks, outputs = Tasks(), Outputs()
    forkservers = ForkServers(Spawning(Python(config.python)), outputs, tasks)
    try:
        forkserver = forkservers.living().forker
        order = load_order(config, target, current_directory(), config.defs_state_info)
        progress = Progress(target.label, current_directory())
        context = hosts.LoadContext(
            *(order, config, forkserver, lambda: forkserver),
            *(Importing(), progress, outputs, tasks),
        )
        host = await hosts.start_host(forkserver, context)
        try:
            message = await baked.to_message(host.snapshot, host.report.libraries)
            taken = await asyncio.to_thread(_fingerprint, host, config, target)
            message.fingerprint.CopyFrom(taken)
            return message
        finally:
            await host.close()
    finally:
        await forkservers.close()
        await tasks.close()
        outputs.close()


def _fingerprint(host: hosts.Host, config: Config, target: Target) -> v1.Fingerprint:
    files = host.report.footprint.files
    taken = fingerprint.take(config, target, files, host.report.footprint.folders)
    for path, was in files.items():
        if mark(path) != was:
            raise OperatorError(f"{path} has changed while it was loaded; try again.")
    return taken
