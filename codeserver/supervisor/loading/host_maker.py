"""Makes a host: gives the order to load, and chooses the process to fork the host from."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import Callable

from codeserver.config import Config
from codeserver.errors import OperatorError, WorkerCrashed
from codeserver.facts import LoadOrder, PinnedInstance
from codeserver.supervisor.loading import host as hosts
from codeserver.supervisor.loading.host import Host, LoadFailed
from codeserver.supervisor.loading.progress import Progress
from codeserver.supervisor.loading.templates import Templates, local_names
from codeserver.supervisor.processes import interpreter
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.forkserver import ForkServers
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.uses import Importing
from codeserver.target import Target, current_directory


class HostMaker:
    """Makes hosts that have the code loaded.

    Args:
        forkservers: keeps the forkserver, from which hosts are forked if there is no template.
        outdated: called when the code should be loaded again.
    """

    def __init__(
        self,
        config: Config,
        target: Target,
        forkservers: ForkServers,
        *,
        outputs: Outputs,
        tasks: Tasks,
        importing: Importing,
        outdated: Callable[[], None],
    ) -> None:
        self._config = config
        self._target = target
        # Now, because the directory may be removed later.
        self._directory = current_directory()
        self._local = target.directories
        self.progress = Progress(target.label, self._directory)
        self._forkservers = forkservers
        self._outputs = outputs
        self._tasks = tasks
        self._importing = importing
        self._templates = Templates(outputs, tasks, outdated)

    async def make(self, defs_state_info: str | None) -> Host:
        """Make a host, and have it load the code that is on disk now.

        Raises:
            LoadFailed: the code could not be loaded.
        """
        order = load_order(self._config, self._target, self._directory, defs_state_info)
        with self.progress.of_load(self._tasks):
            return await self._make(order)

    async def _make(self, order: LoadOrder) -> Host:
        try:
            forkserver = self._forkservers.living().forker
            parent = self._parent(forkserver)
            try:
                return await self._start(parent, forkserver, order)
            except (LoadFailed, WorkerCrashed):
                if not parent.is_lost:
                    raise
            # The parent of the host has died, which is not the fault of the code.
            forkserver = self._forkservers.living().forker
            return await self._start(self._parent(forkserver), forkserver, order)
        except (WorkerCrashed, OSError) as error:
            raise hosts.no_host(await self._explained(error)) from error

    async def _explained(self, error: Exception) -> Exception:
        """The reason why the Python of the code cannot start, if that is it; else the error."""
        try:
            await asyncio.to_thread(interpreter.check, self._config.python, "The Python")
        except OperatorError as reason:
            return reason
        return error

    async def _start(self, parent: Forker, forkserver: Forker, order: LoadOrder) -> Host:
        context = hosts.LoadContext(
            *(order, self._config, forkserver, self._clean),
            *(self._importing, self.progress, self._outputs, self._tasks),
        )
        with self._importing.host():
            return await hosts.start_host(parent, context)

    def prepare_next(self, host: Host) -> None:
        """Make a template from the packages that this host has imported, if one is needed."""
        if not (self._config.watch or host.run_modes.may_import):
            self._templates.release()
            return
        with contextlib.suppress(WorkerCrashed, OSError):
            forkserver = self._forkservers.living().forker
            environment = host.report.surroundings.environment
            self._templates.prepare(forkserver, host.report.installed, environment)

    async def rehearse(self, host: Host, seconds: float) -> None:
        """Find out whether runs may share the import of this host."""
        if not host.run_modes.needs_rehearsal:
            return
        await host.snapshot.complete()  # clients may wait for it
        await self._templates.settled()
        try:
            await host.rehearse(self._clean(), seconds)
        except (WorkerCrashed, OSError):
            return  # there is no forkserver; the location is loaded again
        if not (self._config.watch or host.run_modes.must_import):
            self._templates.release()  # only runs of edited code would use its memory

    def _clean(self) -> Forker:
        """The process to fork a worker from that imports the code itself."""
        template = self._templates.usable(local_names(self._local))
        return template or self._forkservers.living().forker

    def _parent(self, forkserver: Forker) -> Forker:
        """The process to fork a host from."""
        return self._templates.use(local_names(self._local)) or forkserver


def pinned_instance(config: Config) -> PinnedInstance | None:
    """The only instance that requests may name, if the operator wants it so."""
    return PinnedInstance(config.instance_ref) if config.pin_instance else None


def load_order(
    config: Config, target: Target, directory: str, defs_state_info: str | None
) -> LoadOrder:
    """The order to load the code; without `defs_state_info`, with the newest component state."""
    python = config.python or sys.executable
    # The `dagster` on PATH may be that of another environment.
    by_python = config.use_python_environment_entry_point or config.python is not None
    return LoadOrder(
        target=dataclasses.asdict(target),
        executable_path=python,
        entry_point=[python, "-m", "dagster"] if by_python else ["dagster"],
        container_image=config.container_image,
        container_context=config.container_context or {},
        instance_ref=config.instance_ref,
        pinned_instance=pinned_instance(config),
        inject_env_vars_from_instance=config.inject_env_vars_from_instance,
        location_name=config.location_name,
        defs_state_info=defs_state_info,
        log_level=config.log_level,
        log_format=config.log_format,
        isolation=config.isolation,
        memory_limit=config.worker_memory_limit,
        max_growth=config.worker_max_growth,
        directory=directory,
        profile_imports=config.profile_imports,
    )
