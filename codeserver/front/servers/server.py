"""A server with one location: its addresses, and the order of startup and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from codeserver.config import Config
from codeserver.errors import Draining
from codeserver.front.access.security import Security
from codeserver.front.health import Health
from codeserver.front.reply_room import ReplyRoom
from codeserver.front.servers.assembly import Services
from codeserver.front.servers.doors import Doors, listeners_of
from codeserver.front.servers.served_location import Requests, ServedLocation
from codeserver.front.typed_api.directory import CodeLocationService, Directory
from codeserver.front.typed_api.location_message import Access
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.processes.forkserver import Spawning
from codeserver.supervisor.processes.spawning import Python, Spawned
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.shutdown import Shutdown
from codeserver.target import Target

_log = logging.getLogger("codeserver")

LAST_WORD_SECONDS = 3.0
"""Time for clients to read their last replies."""


class Server:
    """A code location served over gRPC.

    Args:
        spawned: a forkserver that was started ahead of time, if any.
    """

    def __init__(self, config: Config, target: Target, spawned: Spawned | None = None) -> None:
        self._config = config
        self._tasks = Tasks()
        self.shutdown = Shutdown(config.drain_delay, config.shutdown_grace)
        self._fatal: LoadFailure | None = None
        self._heartbeats = Heartbeats()
        requests = Requests(self.shutdown.by_client, self._heartbeats.hear)
        self._served = ServedLocation(
            config, target, Spawning(Python(config.python), spawned), requests
        )
        self.location = self._served.location
        health = Health(self.location.current)
        directory = Directory()
        directory.add(self.location.name, self._served.typed_api)
        typed_api = CodeLocationService(directory)
        replies = ReplyRoom(config.max_reply_memory)
        services = Services(self._served.dagster_api, typed_api, health, replies)
        self._doors = Doors(Security(config), services)

    @property
    def addresses(self) -> list[str]:
        """The bound addresses; empty before `start`."""
        return self._doors.addresses

    async def start(self) -> None:
        """Bind the addresses, serve, and begin the first load.

        Raises:
            OperatorError: an address cannot be bound.
        """
        self._doors.bind(listeners_of(self._config))
        self._served.reached_by(Access(self.addresses))
        await self._served.restore()
        await self._doors.start()
        self._tasks.start("first load", self._load())

    def reload(self) -> None:
        """Load the code again on SIGHUP, unless the server shuts down."""
        if not self.shutdown.asked.is_set():
            _log.info("SIGHUP: loading the code again")
            self._tasks.start("reload", self._reload())

    async def serve(self) -> LoadFailure | None:
        """Serve until asked to stop, then shut down.

        Returns:
            The failed load that ended the server, if one did.
        """
        await self.shutdown.asked.wait()
        await self.close()
        return self._fatal

    async def close(self) -> None:
        """Shut down: serve while runs and requests finish, then end every process."""
        await self._served.finish(self.shutdown)
        await self._doors.stop(LAST_WORD_SECONDS)
        await self._served.close()
        await self._tasks.close()

    async def _load(self) -> None:
        try:
            failure = await self._served.load()
        except Draining:
            return
        if failure is not None and self._config.on_load_error == "exit":
            self._fatal = failure
            self.shutdown.by_signal(at_once=True)
        if self._config.heartbeat:
            self._tasks.start("watch heartbeat", self._watch_heartbeat())

    async def _reload(self) -> None:
        with contextlib.suppress(Draining):
            await self.location.reload()

    async def _watch_heartbeat(self) -> None:
        limit = self._config.heartbeat_timeout
        await self._heartbeats.cease(limit)
        _log.warning("no heartbeat for %d seconds, shutting down", limit)
        self.shutdown.by_client()


class Heartbeats:
    """Receives the heartbeats of the client that a server with `--heartbeat` must not outlive."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def hear(self) -> None:
        """Record a heartbeat."""
        self._heard.set()

    async def cease(self, limit: float) -> None:
        """Wait until no heartbeat has arrived for `limit` seconds."""
        while True:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), limit)
            except asyncio.TimeoutError:
                return
