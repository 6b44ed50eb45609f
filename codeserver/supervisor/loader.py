"""Loads the code once: what is ordered, and of which process the host is forked."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from codeserver.config import Config
from codeserver.errors import WorkerCrashed
from codeserver.facts import LoadOrder
from codeserver.supervisor import host as hosts
from codeserver.supervisor.forker import Forker
from codeserver.supervisor.forkserver import ForkServers
from codeserver.supervisor.host import Host, LoadFailed
from codeserver.supervisor.importing import Importing
from codeserver.supervisor.load_order import load_order
from codeserver.supervisor.output import Outputs
from codeserver.supervisor.progress import Progress
from codeserver.supervisor.tasks import Tasks
from codeserver.supervisor.templates import Templates, local_names
from codeserver.target import Target, current_directory


class Loader:
    """Makes hosts that have the code loaded.

    Args:
        config: the operator's settings.
        target: what to load.
        forkservers: what hosts are forked from, when there is no template.
        outputs: reads what worker processes print.
        tasks: owns what goes on in the background.
        importing: knows which processes load the code.
        outdated: called when what was loaded last should be loaded again.

    Attributes:
        progress: of the load that is under way.
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
        # Now, because the directory may be gone later.
        self._directory = current_directory()
        self._local = target.directories
        self.progress = Progress(target.label, self._directory)
        self._forkservers = forkservers
        self._outputs = outputs
        self._tasks = tasks
        self._importing = importing
        # Elsewhere nobody knows whether what packages leave behind would survive the fork.
        has_templates = sys.platform == "linux"
        self._templates = Templates(outputs, tasks, outdated) if has_templates else None

    async def load(self, defs_state_info: str | None) -> Host:
        """Load the code as it is now.

        Args:
            defs_state_info: serialized versions of component state, None for the newest.

        Raises:
            LoadFailed: it cannot be loaded, in whatever way.
        """
        order = load_order(self._config, self._target, self._directory, defs_state_info)
        with self.progress.of_load(self._tasks):
            return await self._load_somewhere(order)

    async def _load_somewhere(self, order: LoadOrder) -> Host:
        try:
            forkserver = self._forkservers.living().forker
            parent = self._parent(forkserver)
            try:
                return await self._load(parent, forkserver, order)
            except (LoadFailed, WorkerCrashed):
                if not parent.is_lost:
                    raise
            # The code is not to blame that what its host was forked from has died meanwhile.
            forkserver = self._forkservers.living().forker
            return await self._load(self._parent(forkserver), forkserver, order)
        except (WorkerCrashed, OSError) as error:
            raise hosts.no_host(error) from error

    async def _load(self, parent: Forker, forkserver: Forker, order: LoadOrder) -> Host:
        loading = hosts.Loading(
            *(order, self._config, forkserver, self._clean),
            *(self._importing, self.progress, self._outputs, self._tasks),
        )
        with self._importing.host():
            return await hosts.load(parent, loading)

    def prepare_next(self, host: Host) -> None:
        """Make what imports the code anew faster, by what this host has found out."""
        if self._templates is None:
            return
        if not (self._config.watch or host.run_modes.may_import):
            self._templates.release()
        else:
            with contextlib.suppress(WorkerCrashed, OSError):
                forkserver = self._forkservers.living().forker
                self._templates.prepare(
                    forkserver, host.loaded.installed, host.loaded.surroundings.environment
                )

    async def rehearse(self, host: Host, seconds: float) -> None:
        """Find out whether runs may share what this host has imported."""
        if not host.run_modes.needs_rehearsal:
            return
        await host.snapshot.complete()  # first what somebody waits for
        if self._templates is not None:
            await self._templates.settled()
        try:
            await host.rehearse(self._clean(), seconds)
        except (WorkerCrashed, OSError):
            return  # there is no forkserver; the location is loaded again
        if self._templates is not None and not (self._config.watch or host.run_modes.must_import):
            self._templates.release()  # it would take memory for runs of edited code only

    def _clean(self) -> Forker:
        """What to fork a process from that imports the code itself."""
        return self._template() or self._forkservers.living().forker

    def _parent(self, forkserver: Forker) -> Forker:
        """What to fork a host from."""
        if self._templates is None:
            return forkserver
        return self._templates.use(local_names(self._local)) or forkserver

    def _template(self) -> Forker | None:
        if self._templates is None:
            return None
        return self._templates.usable(local_names(self._local))
