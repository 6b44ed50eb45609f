"""A location with the services that answer from it, and the watcher of its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codeserver.config import Config
from codeserver.front.dagster_api import DagsterApi
from codeserver.front.typed_api.location_message import Access
from codeserver.front.typed_api.service import CodeLocationApi
from codeserver.supervisor.evaluating.admission import Slots
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.location import Location
from codeserver.supervisor.processes.forkserver import Source
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.shutdown import Shutdown
from codeserver.target import Target


@dataclass(frozen=True)
class Requests:
    """The requests of clients that concern the server itself.

    Attributes:
        shut_down: called when a client asks the server to shut down.
        heard: called when a client sends a heartbeat.
    """

    shut_down: Callable[[], None]
    heard: Callable[[], None] = lambda: None


class ServedLocation:
    """A location and its services.

    Args:
        source: starts the forkserver.
        requests: receives requests that concern the server.
        whole: the evaluators of all locations together, if there are several.
        earlier: the location that this one replaces.
    """

    def __init__(
        self,
        config: Config,
        target: Target,
        source: Source,
        requests: Requests,
        *,
        whole: Slots | None = None,
        earlier: Location | None = None,
    ) -> None:
        self._config = config
        self._target = target
        self._tasks = Tasks()
        self.location = Location(config, target, source, whole=whole, earlier=earlier)
        self.dagster_api = DagsterApi(config, self.location, requests.shut_down, requests.heard)
        self.typed_api = CodeLocationApi(config, target, self.location)

    def reached_by(self, access: Access) -> None:
        """Tell clients and the log that clients reach the location in this way."""
        self.typed_api.reached_by(access)
        self.location.log.served_on = ", ".join(access.addresses)

    async def restore(self) -> None:
        """Serve the snapshot of the settings, if there is one and it fits."""
        if self._config.snapshot is not None:
            from codeserver.snapshot.restoring import restore

            await restore(self.location, self._config, self._target)

    async def load(self) -> LoadFailure | None:
        """Begin to watch files, if the settings want that, and load the code for the first time.

        Raises:
            Draining: the server is shutting down.
        """
        if self._config.watch:
            from codeserver.supervisor.watching.watcher import Watcher

            watcher = Watcher(self._config, self._target, self.location, self._tasks)
            await watcher.begin()
            self._tasks.start("watch", watcher.run())
        return await self.location.reload()

    async def finish(self, shutdown: Shutdown) -> None:
        """Serve while runs and requests finish, within the limits of the shutdown."""
        await self.location.finish(shutdown)
        self.typed_api.end_streams()

    async def close(self) -> None:
        """End every process."""
        await self.location.close()
        await self._tasks.close()
